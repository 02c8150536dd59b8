"""Word times of a text from those of the words that were spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.tts.words import TimedWord, align


def spoken(words: str) -> list[TimedWord]:
    """A word a second."""
    return [TimedWord(word, float(at), at + 0.8) for at, word in enumerate(words.split())]


@pytest.mark.parametrize(
    ("text", "said", "times"),
    [
        ("Hello there.", "Hello there", [(0, 0.8), (1, 1.8)]),
        ("It costs $9.99, okay?", "It costs nine dollars okay", [(0, 0.8), (1, 1.8), (2, 3.8), (4, 4.8)]),
        ("Wait — please", "Wait please", [(0, 0.8), (0.8, 0.8), (1, 1.8)]),
        ("10 ab", "ten abc", [(0, 0.9), (0.9, 1.8)]),
        ("", "", []),
    ],
)
def test_times_are_mapped(text: str, said: str, times: list[tuple[float, float]]) -> None:
    aligned = align(text, spoken(said))
    assert [word.text for word in aligned] == text.split()
    assert [(word.start, word.end) for word in aligned] == [pytest.approx(one) for one in times]


WORDS = st.lists(st.sampled_from(["one", "two", "$3", "—", "Dr.", "x"]), max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_every_word_of_the_text_has_a_time_and_times_never_go_back(text: str, said: str) -> None:
    aligned = align(text, spoken(said))
    assert [word.text for word in aligned] == text.split()
    edges = [edge for word in aligned for edge in (word.start, word.end)]
    assert edges == sorted(edges)
