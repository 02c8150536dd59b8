from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.events import SpeechEnded, SpeechStarted
from gateway.conversation.speech import HANGOVER_MS, SpeechEdges

WINDOW = 32


def edges(probabilities: list[float]) -> list[SpeechStarted | SpeechEnded]:
    detector = SpeechEdges()
    found = [detector.push(p, i * WINDOW, (i + 1) * WINDOW) for i, p in enumerate(probabilities)]
    return [edge for edge in found if edge is not None]


def test_both_edges_carry_the_time_of_the_sound() -> None:
    found = edges([0.1] * 3 + [0.9] * 10 + [0.1] * 10)
    assert found == [SpeechStarted(5 * WINDOW, 3 * WINDOW), SpeechEnded(17 * WINDOW, 13 * WINDOW)]


def test_one_loud_window_is_no_speech() -> None:
    assert edges([0.1, 0.9, 0.1, 0.9, 0.1]) == []


def test_a_short_dip_does_not_end_speech() -> None:
    assert len(edges([0.9] * 5 + [0.1] * 3 + [0.9] * 5)) == 1


def test_a_middling_probability_holds_speech_but_does_not_begin_it() -> None:
    assert edges([0.4] * 20) == []
    assert len(edges([0.9] * 2 + [0.4] * 20)) == 1


def test_reset_forgets_speech_that_runs() -> None:
    detector = SpeechEdges()
    for index in range(2):
        detector.push(0.9, index * WINDOW, (index + 1) * WINDOW)
    detector.reset()
    assert detector.push(0.0, 1000, 1032) is None


@given(st.lists(st.floats(0, 1), max_size=200))
def test_edges_alternate_and_never_lie_in_the_future(probabilities: list[float]) -> None:
    found = edges(probabilities)
    assert [type(edge) for edge in found] == [SpeechStarted, SpeechEnded] * (len(found) // 2) + [SpeechStarted] * (
        len(found) % 2
    )
    times = [edge.onset_ms if isinstance(edge, SpeechStarted) else edge.end_ms for edge in found]
    assert times == sorted(times)
    for edge in found:
        if isinstance(edge, SpeechEnded):
            assert HANGOVER_MS <= edge.at - edge.end_ms < HANGOVER_MS + WINDOW
