"""When the fast detector hears a caller."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.fast_vad import SILENCE_DB, FastVad, FastVadRules, Verdict

RULES = FastVadRules()
SPEECH_DB = -25.0
LINE_DB = -70.0


def run(vad: FastVad, levels: list[float], *, agent_db: float = SILENCE_DB, start: int = 0) -> list[Verdict]:
    """Frames whose voice is voiced whenever the level passes the gate, as speech is."""
    verdicts = []
    for tick, level in enumerate(levels, start):
        vad.heard(agent_db)
        verdicts.append(vad.step(tick, level, voiced=level > vad.gate_db()))
    return verdicts


def test_speech_begins_with_its_second_frame_and_names_the_first() -> None:
    verdicts = run(FastVad(), [LINE_DB] * 10 + [SPEECH_DB] * 5)
    assert [verdict.speech for verdict in verdicts[:11]] == [False] * 11
    assert verdicts[11] == Verdict(speech=True, onset_tick=10)
    assert verdicts[12] == Verdict(speech=True)


def test_one_weak_frame_inside_an_onset_is_forgiven() -> None:
    verdicts = run(FastVad(), [SPEECH_DB, LINE_DB, SPEECH_DB])
    assert verdicts[2].onset_tick == 0


def test_a_click_is_no_speech() -> None:
    assert not any(verdict.speech for verdict in run(FastVad(), ([SPEECH_DB] + [LINE_DB] * 3) * 10))


def test_speech_goes_on_over_a_short_pause_and_ends_after_a_long_one() -> None:
    vad = FastVad()
    run(vad, [SPEECH_DB] * 5)
    short = run(vad, [LINE_DB] * (RULES.hangover - 1) + [SPEECH_DB], start=5)
    assert all(verdict.speech for verdict in short)
    long = run(vad, [LINE_DB] * RULES.hangover, start=15)
    assert [verdict.speech for verdict in long] == [True] * (RULES.hangover - 1) + [False]


def test_a_new_onset_after_the_end_is_told_again() -> None:
    vad = FastVad()
    run(vad, [SPEECH_DB] * 5 + [LINE_DB] * 20)
    assert [verdict.onset_tick for verdict in run(vad, [SPEECH_DB] * 4, start=25)] == [None, 25, None, None]


def test_steady_noise_is_learnt_and_speech_over_it_is_heard() -> None:
    vad = FastVad()
    noisy = run(vad, [-45.0] * 400)
    assert not any(verdict.speech for verdict in noisy[-200:])
    assert run(vad, [SPEECH_DB] * 3, start=400)[1].onset_tick == 400


def test_a_long_sentence_is_not_learnt_as_noise() -> None:
    vad = FastVad()
    syllables = ([SPEECH_DB] * 8 + [LINE_DB] * 2) * 50
    assert all(verdict.speech for verdict in run(vad, syllables)[5:])


def echo(loss_db: float, *, frames: int, agent_db: float = -20.0) -> list[float]:
    """Levels of an echo that falls up to 8 dB below its loudest, as syllables do."""
    return [agent_db - loss_db - tick * 3 % 9 for tick in range(frames)]


@pytest.mark.parametrize("loss_db", [10.0, 12.0, 18.0, 30.0])
def test_an_echo_from_the_first_word_on_does_not_pause_us(loss_db: float) -> None:
    assert not any(verdict.speech for verdict in run(FastVad(), echo(loss_db, frames=500), agent_db=-20.0))


def test_a_louder_echo_is_learnt_within_a_second() -> None:
    vad = FastVad()
    run(vad, echo(7.0, frames=50), agent_db=-20.0)
    assert not any(verdict.speech for verdict in run(vad, echo(7.0, frames=300), agent_db=-20.0, start=50)[20:])


def test_a_caller_who_is_quieter_than_we_are_is_heard_on_a_line_without_echo() -> None:
    vad = FastVad()
    quiet = [-34.0] * 3
    assert not any(verdict.speech for verdict in run(vad, quiet, agent_db=-20.0))
    run(vad, [LINE_DB] * 100, agent_db=-20.0, start=3)
    assert any(verdict.speech for verdict in run(vad, quiet, agent_db=-20.0, start=103))


def test_words_over_ours_teach_little_because_they_pause_us() -> None:
    vad = FastVad()
    run(vad, [LINE_DB] * 100, agent_db=-20.0)
    known = vad.loss_db
    run(vad, [-20.0] * 3, agent_db=-20.0, start=100)
    run(vad, [-20.0] * 50, start=103)
    assert known - vad.loss_db <= 3 * RULES.loss_fall_db


def test_a_late_echo_after_our_last_word_is_not_a_caller() -> None:
    vad = FastVad()
    run(vad, [LINE_DB] * 10, agent_db=-20.0)
    assert not any(verdict.speech for verdict in run(vad, [-37.0] * (RULES.echo_tail - 1) + [LINE_DB] * 5, start=10))


def test_a_caller_as_loud_as_we_are_is_heard_over_us() -> None:
    assert run(FastVad(), [-20.0] * 3, agent_db=-18.0)[1].onset_tick == 0


levels = st.lists(st.floats(SILENCE_DB, 0), min_size=1, max_size=300)


@given(levels, levels)
def test_an_onset_begins_speech_and_lies_within_the_window(caller: list[float], agent: list[float]) -> None:
    vad, speaking = FastVad(), False
    for tick, level in enumerate(caller):
        vad.heard(agent[tick % len(agent)])
        verdict = vad.step(tick, level, voiced=level > vad.gate_db())
        if verdict.onset_tick is not None:
            assert not speaking
            assert verdict.speech
            assert 0 <= tick - verdict.onset_tick < RULES.onset_window
        speaking = verdict.speech


@given(levels)
def test_silence_ends_speech_and_the_floor_stays_in_bounds(caller: list[float]) -> None:
    vad = FastVad()
    run(vad, caller)
    assert SILENCE_DB <= vad.noise_db <= RULES.noise_ceiling_db
    assert not run(vad, [SILENCE_DB] * RULES.hangover, start=len(caller))[-1].speech


@given(
    st.lists(st.tuples(st.floats(-96, -20), st.sampled_from([SILENCE_DB, -60.0, -30.0]), st.booleans()), max_size=80)
)
def test_a_frame_that_is_passed_over_leaves_what_a_step_would_leave(
    frames: list[tuple[float, float, bool]],
) -> None:
    quick, slow = FastVad(), FastVad()
    for tick, (level_db, agent_db, speech) in enumerate(frames):
        if not quick.rests(level_db, agent_db):
            quick.heard(agent_db)
            quick.step(tick, level_db, voiced=speech and level_db > quick.gate_db())
        slow.heard(agent_db)
        slow.step(tick, level_db, voiced=speech and level_db > slow.gate_db())
        assert all(getattr(quick, name) == getattr(slow, name) for name in FastVad.__slots__)
