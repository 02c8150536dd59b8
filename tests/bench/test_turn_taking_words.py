from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.turn_taking import words
from bench.turn_taking.words import aligned, first_word_lost
from gateway.commands.provider.word_errors import edit_distance

WORDS = st.lists(st.sampled_from("abc"), max_size=6)


def test_words_belong_together_misheard_ones_too() -> None:
    assert aligned(["we", "are", "open"], ["we", "all", "are"]) == [(0, 0), (1, 1), (2, 2)]


@given(WORDS, WORDS)
def test_an_alignment_holds_every_word_once_at_the_least_distance(wanted: list[str], heard: list[str]) -> None:
    pairs = aligned(wanted, heard)
    assert [place for place, _ in pairs if place is not None] == list(range(len(wanted)))
    assert [place for _, place in pairs if place is not None] == list(range(len(heard)))
    wrong = sum(left is None or right is None or wanted[left] != heard[right] for left, right in pairs)
    assert wrong == edit_distance(wanted, heard)


def test_a_first_word_is_lost_when_nothing_stands_in_its_place() -> None:
    assert first_word_lost("wait a minute", "a minute")
    assert first_word_lost("stop", "")
    assert not first_word_lost("wait a minute", "Weight a minute.")
    assert not first_word_lost("No, wait!", "no wait")
    assert not first_word_lost("no wait", "oh no wait")


def test_the_words_in_audio_are_the_beginning_that_is_most_like_what_is_recognised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = iter(["to change your a dress I need your last", "", "to change your address"])
    recogniser = SimpleNamespace(recognise=lambda *_: SimpleNamespace(text=next(heard)))
    monkeypatch.setattr(words, "embedded_recognisers", lambda: {"whisper": recogniser})
    text = "To change your address I need your customer number, at the top of your last letter."
    assert [words.spoken_words(bytes(320), text) for _ in range(3)] == [7, 0, 4]
