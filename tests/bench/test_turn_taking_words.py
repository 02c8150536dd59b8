from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.transcription import edit_distance
from bench.turn_taking.words import aligned, first_word_lost

WORDS = st.lists(st.sampled_from("abc"), max_size=6)


def test_words_that_are_the_same_belong_together() -> None:
    assert aligned(["we", "are", "open"], ["we", "all", "are"]) == [(0, 0), (None, 1), (1, 2), (2, None)]


@given(WORDS, WORDS)
def test_an_alignment_holds_every_word_once_at_the_least_distance(wanted: list[str], heard: list[str]) -> None:
    pairs = aligned(wanted, heard, substitute=True)
    assert [place for place, _ in pairs if place is not None] == list(range(len(wanted)))
    assert [place for _, place in pairs if place is not None] == list(range(len(heard)))
    wrong = sum(left is None or right is None or wanted[left] != heard[right] for left, right in pairs)
    assert wrong == edit_distance(wanted, heard)


@given(WORDS, WORDS)
def test_without_substitution_only_same_words_are_pairs(wanted: list[str], heard: list[str]) -> None:
    for left, right in aligned(wanted, heard):
        assert left is None or right is None or wanted[left] == heard[right]


def test_a_first_word_is_lost_when_nothing_stands_in_its_place() -> None:
    assert first_word_lost("wait a minute", "a minute")
    assert first_word_lost("stop", "")
    assert not first_word_lost("wait a minute", "Weight a minute.")
    assert not first_word_lost("No, wait!", "no wait")
    assert not first_word_lost("no wait", "oh no wait")
