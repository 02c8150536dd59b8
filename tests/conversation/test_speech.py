from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.events import SpeechEnded, SpeechPaused, SpeechStarted
from gateway.conversation.speech import (
    EARLIER_MS,
    HANGOVER_MS,
    PAUSE_MS,
    QUIET_MS,
    SURE_QUIET_MS,
    SpeechEdge,
    SpeechEdges,
)

WINDOW = 32
FRAME = 32


def edges(probabilities: list[float], loud: list[bool] | None = None) -> list[SpeechEdge]:
    """One frame for each window; loud as the detector hears speech, when nothing else is said."""
    detector, found = SpeechEdges(), list[SpeechEdge | None]()
    for index, probability in enumerate(probabilities):
        end = (index + 1) * WINDOW
        if probability >= 0.5 if loud is None else loud[index]:
            detector.loud(end)
        found += [detector.push(probability, end - WINDOW, end), detector.quiet(end)]
    return [edge for edge in found if edge is not None]


def kinds(found: Sequence[SpeechEdge]) -> list[type]:
    return [type(edge) for edge in found]


def test_both_edges_carry_the_time_of_the_sound() -> None:
    started, paused, ended = edges([0.1] * 3 + [0.9] * 10 + [0.1] * 10)
    assert started == SpeechStarted(5 * WINDOW, 3 * WINDOW)
    assert paused == SpeechPaused(16 * WINDOW, 13 * WINDOW)
    assert ended == SpeechEnded(17 * WINDOW, 13 * WINDOW)


def test_the_level_dates_the_end_before_the_detectors_last_window() -> None:
    found = edges([0.9] * 10 + [0.4] * 2 + [0.1] * 10, loud=[True] * 10 + [False] * 12)
    assert found[-1] == SpeechEnded(16 * WINDOW, 10 * WINDOW)


def test_speech_too_soft_to_be_loud_is_cut_by_no_more_than_a_bound() -> None:
    found = edges([0.9] * 14 + [0.1] * 10, loud=[True] * 10 + [False] * 14)
    assert isinstance(found[-1], SpeechEnded)
    assert found[-1].end_ms == 14 * WINDOW - EARLIER_MS


def test_a_pause_is_told_once_and_long_before_the_end_is_certain() -> None:
    _, paused, ended = edges([0.9] * 10 + [0.1] * 10)
    assert isinstance(paused, SpeechPaused)
    assert PAUSE_MS <= paused.at - 10 * WINDOW < PAUSE_MS + WINDOW
    assert paused.at < ended.at


def test_each_gap_between_words_is_a_pause_of_its_own() -> None:
    word, gap = [0.9] * 6, [0.1] * 3
    found = edges(word + gap + word + gap + word, loud=None)
    assert kinds(found) == [SpeechStarted, SpeechPaused, SpeechPaused]


def test_while_the_detector_is_sure_of_speech_there_is_no_pause() -> None:
    assert SpeechPaused not in kinds(edges([0.9] * 20, loud=[True] * 10 + [False] * 10))


def test_voices_in_the_background_do_not_hold_the_turn() -> None:
    found = edges([0.9] * 40, loud=[True] * 10 + [False] * 30)
    (ended,) = [edge for edge in found if isinstance(edge, SpeechEnded)]
    assert ended.end_ms == 10 * WINDOW
    assert SURE_QUIET_MS <= ended.at - ended.end_ms < SURE_QUIET_MS + WINDOW


def test_after_such_an_end_only_something_loud_begins_speech_again() -> None:
    quietly = [True] * 10 + [False] * 30
    assert kinds(edges([0.9] * 50, loud=quietly + [False] * 10))[-1] is SpeechEnded
    assert kinds(edges([0.9] * 50, loud=quietly + [True] * 10))[-1] is SpeechStarted
    assert kinds(edges([0.9] * 40 + [0.1] * 2 + [0.9] * 8, loud=quietly + [False] * 10))[-1] is SpeechStarted


def test_a_voice_that_is_never_loud_is_left_to_the_detector() -> None:
    assert kinds(edges([0.9] * 40, loud=[False] * 40)) == [SpeechStarted]


def test_one_loud_window_is_no_speech() -> None:
    assert edges([0.1, 0.9, 0.1, 0.9, 0.1]) == []


def test_a_short_dip_does_not_end_speech() -> None:
    assert SpeechEnded not in kinds(edges([0.9] * 5 + [0.1] * 3 + [0.9] * 5))


def test_a_middling_probability_holds_speech_but_does_not_begin_it() -> None:
    assert edges([0.4] * 20, loud=[True] * 20) == []
    assert kinds(edges([0.9] * 2 + [0.4] * 20, loud=[True] * 22)) == [SpeechStarted]


def test_reset_forgets_speech_that_runs() -> None:
    detector = SpeechEdges()
    for index in range(2):
        detector.push(0.9, index * WINDOW, (index + 1) * WINDOW)
    detector.reset()
    assert detector.push(0.0, 1000, 1032) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=200))
def test_edges_alternate_and_never_lie_in_the_future(windows: list[tuple[float, bool]]) -> None:
    found = edges([probability for probability, _ in windows], [loud for _, loud in windows])
    certain = [edge for edge in found if not isinstance(edge, SpeechPaused)]
    assert kinds(certain) == ([SpeechStarted, SpeechEnded] * len(certain))[: len(certain)]
    for started, ended in zip(certain[::2], certain[1::2], strict=False):
        assert isinstance(started, SpeechStarted)
        assert isinstance(ended, SpeechEnded)
        assert started.onset_ms <= ended.end_ms < ended.at
        assert ended.at - ended.end_ms >= min(HANGOVER_MS, QUIET_MS)
