"""Words of the text while the voice speaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.tts.streamed_words import StreamedWords
from gateway.providers.tts.words import TimedWord


def spoken(text: str) -> list[TimedWord]:
    """Each word takes 100 ms."""
    return [TimedWord(word, 100.0 * at, 100.0 * at + 80) for at, word in enumerate(text.split())]


def told(text: str, said: str) -> list[tuple[str, float, float]]:
    words = StreamedWords(text)
    known = [word for one in spoken(said) for word in words.hear([one])] + words.finish()
    return [(word.text, word.start, word.end) for word in known]


def test_a_word_is_told_as_soon_as_it_is_spoken() -> None:
    words = StreamedWords("Well, hello there.")
    assert [[word.text for word in words.hear([one])] for one in spoken("well hello there")] == [
        ["Well,"],
        ["hello"],
        ["there."],
    ]
    assert words.finish() == []


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("pay $9.99 now", "pay nine ninety nine now", [("pay", 0, 80), ("$9.99", 100, 380), ("now", 400, 480)]),
        ("one — two", "one two", [("one", 0, 80), ("—", 100, 100), ("two", 100, 180)]),
        ("it is 5", "it is five", [("it", 0, 80), ("is", 100, 180), ("5", 200, 280)]),
        ("7 left", "seven left", [("7", 0, 80), ("left", 100, 180)]),
        ("one two", "one", [("one", 0, 80), ("two", 80, 80)]),
        ("one two", "", []),
    ],
)
def test_words_spoken_otherwise_share_the_time(text: str, said: str, expected: list[tuple[str, float, float]]) -> None:
    assert told(text, said) == expected


words_of = st.lists(st.sampled_from(["a", "b", "c", "9", "—", "x,"]), max_size=12).map(" ".join)


@given(words_of, words_of)
def test_each_word_of_the_text_is_told_once_and_in_order(text: str, said: str) -> None:
    known = told(text, said)
    assert [word for word, _, _ in known] == (text.split() if said else [])
    times = [time for _, start, end in known for time in (start, end)]
    assert times == sorted(times)


@given(words_of)
def test_a_text_that_is_spoken_as_written_has_the_spoken_times(text: str) -> None:
    assert told(text, text) == [(word.text, word.start, word.end) for word in spoken(text)]
