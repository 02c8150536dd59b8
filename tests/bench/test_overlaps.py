from __future__ import annotations

import numpy as np
import pytest

from bench.overlaps.call import Outcome
from bench.overlaps.cases import Case, Kind
from bench.overlaps.line import Echo, Line
from bench.overlaps.score import figures, loses_first_word
from bench.overlaps.sounds import NOISES
from gateway.media.audio import FRAME_BYTES, FRAME_SAMPLES
from tests.peers.speech import Samples
from tests.worker.murmur import murmur

NOTHING = np.zeros(0, dtype=np.int16)
DICE = np.random.default_rng(1)


def outcome(kind: Kind, *, words: str = "", **fields: object) -> Outcome:
    case = Case("case", kind, "tuning", words, NOTHING, 1000, 0, None, None)
    return Outcome(case, **fields)  # type: ignore[arg-type]


def loud(samples: int) -> Samples:
    noise: Samples = (DICE.standard_normal(samples) * 3000).astype(np.int16)
    return noise


def rms(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(np.frombuffer(pcm, dtype="<i2").astype(np.float64) ** 2)))


@pytest.mark.parametrize("delay_ms", [40, 53, 249])
def test_the_line_returns_the_agent_later_and_weaker(delay_ms: int) -> None:
    line = Line(speech_dbfs=-22, snr_db=None, echo=Echo(delay_ms, 12.0, 1), seed=1)
    agent = murmur(400, seed=1)
    sent = [agent[at : at + FRAME_SAMPLES].tobytes() for at in range(0, len(agent), FRAME_SAMPLES)]
    silence = bytes(FRAME_BYTES)
    received = b"".join(line.frame(frame) for frame in [*sent, *[silence] * 30])
    heard = np.frombuffer(received, dtype="<i2").astype(np.float64)
    correlation = np.correlate(heard, agent.astype(np.float64), "valid")
    assert abs(int(np.argmax(np.abs(correlation))) - delay_ms * 8) <= 4
    assert 20 * np.log10(rms(agent.tobytes()) / rms(heard[delay_ms * 8 :][: len(agent)].astype("<i2").tobytes())) == (
        pytest.approx(12, abs=2.5)
    )


def test_the_caller_is_heard_where_they_speak() -> None:
    line = Line(speech_dbfs=-22, snr_db=None, echo=None, seed=1)
    line.say(loud(FRAME_SAMPLES), FRAME_SAMPLES + 40)
    levels = [rms(line.frame(bytes(FRAME_BYTES))) for _ in range(4)]
    assert [level > 500 for level in levels] == [False, True, True, False]


@pytest.mark.parametrize("name", NOISES)
def test_noise_has_the_level_that_is_asked_for(name: str) -> None:
    sound = NOISES[name](np.random.default_rng(2), -20.0).astype(np.float64)
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    assert 20 * np.log10(np.sqrt(np.max(np.mean(frames**2, axis=1))) / 32768) == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize(
    ("one", "right"),
    [
        (outcome(Kind.INTERRUPTION, cut_ms=400), True),
        (outcome(Kind.INTERRUPTION), False),
        (outcome(Kind.INTERRUPTION, cut_ms=400, cut_before=True), False),
        (outcome(Kind.BACKCHANNEL), True),
        (outcome(Kind.ECHO, cut_ms=400), False),
    ],
)
def test_only_interruptions_may_cut(one: Outcome, right: bool) -> None:
    assert one.right is right


@pytest.mark.parametrize(
    ("turn", "alone", "lost"),
    [
        ("Never mind that.", "Never mind that.", False),
        ("mind that", "Never mind that.", True),
        ("So never mind that", "Never mind that.", False),
        ("mind that", "Ever mine that", False),
    ],
)
def test_a_first_word_is_lost_when_only_the_turn_misses_it(turn: str, alone: str, lost: bool) -> None:
    one = outcome(Kind.INTERRUPTION, words="never mind that", cut_ms=400, turn=turn, alone=alone)
    assert loses_first_word(one) is lost


def test_figures_count_what_was_right() -> None:
    outcomes = [outcome(Kind.NOISE), outcome(Kind.NOISE, cut_ms=300)]
    assert [figure.line().split()[-3] for figure in figures(outcomes)][:1] == ["50.0"]
