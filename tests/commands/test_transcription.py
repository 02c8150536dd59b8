"""Where somebody speaks in a recording."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.commands.transcription import GAP_MS, MARGIN_MS, SPEECH, passages

WINDOW_MS = 32.0


def test_a_short_silence_does_not_end_a_passage() -> None:
    quiet = int((GAP_MS - 100) / WINDOW_MS)
    found = passages([0.0] * 10 + [0.9] * 20 + [0.1] * quiet + [0.9] * 20, WINDOW_MS)
    assert found == [(320 - MARGIN_MS, round((50 + quiet) * WINDOW_MS) + MARGIN_MS)]


def test_a_long_one_does() -> None:
    quiet = int((GAP_MS + 100) / WINDOW_MS)
    assert len(passages([0.9] * 20 + [0.1] * quiet + [0.9] * 20, WINDOW_MS)) == 2


def test_silence_has_no_passage() -> None:
    assert passages([0.1] * 100, WINDOW_MS) == []


@given(st.lists(st.floats(0, 1), max_size=200))
def test_every_window_of_speech_lies_in_exactly_one_passage(probabilities: list[float]) -> None:
    found = passages(probabilities, WINDOW_MS)
    assert found == sorted(found)
    assert all(first[1] <= second[0] for first, second in pairwise(found))
    for index, probability in enumerate(probabilities):
        middle_ms = (index + 0.5) * WINDOW_MS
        inside = [start for start, end in found if start <= middle_ms <= end]
        assert len(inside) == 1 or probability < SPEECH
