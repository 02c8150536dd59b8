"""Marks of uninterruptible passages, however a text is cut into pieces."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.passages import Clause, ClauseReader, Passage, PassageReader, clauses, marked, plain

NOTICE = "Hello. <uninterruptible>This call is recorded. You may object.</uninterruptible> How can I help?"
WORDS = st.sampled_from(["one ", "two. ", "5 < 6 ", "a > b ", "<b>", "<u>", "</", "<un", "uninterruptible ", "\n"])
MARKS = st.sampled_from(["<uninterruptible>", "</uninterruptible>", "< Uninterruptible >", "</ UNINTERRUPTIBLE>"])
TEXTS = st.lists(st.one_of(WORDS, MARKS), max_size=12).map("".join)


def read(pieces: list[str]) -> list[Clause]:
    reader = ClauseReader()
    return [clause for piece in pieces for clause in reader.push(piece)] + reader.flush()


def joined(passages: list[Passage]) -> list[Passage]:
    """Neighbours of one kind as one."""
    result: list[Passage] = []
    for passage in passages:
        if result and result[-1].interruptible == passage.interruptible:
            passage = Passage(result.pop().text + passage.text, passage.interruptible)
        result.append(passage)
    return result


def test_a_passage_is_clauses_of_its_own() -> None:
    assert clauses(NOTICE) == [
        Clause("Hello."),
        Clause("This call is recorded.", interruptible=False),
        Clause("You may object.", interruptible=False),
        Clause("How can I help?"),
    ]


@given(st.integers(1, 12))
def test_a_stream_reads_as_the_whole_text(size: int) -> None:
    pieces = [NOTICE[start : start + size] for start in range(0, len(NOTICE), size)]
    assert read(pieces) == clauses(NOTICE)


@given(TEXTS, st.randoms(use_true_random=False))
def test_no_cut_of_a_text_changes_its_passages(text: str, random: object) -> None:
    choose = random.randint  # type: ignore[attr-defined]
    reader, passages, start = PassageReader(), list[Passage](), 0
    while start < len(text):
        end = start + choose(1, 7)
        passages += reader.push(text[start:end])
        start = end
    whole = PassageReader()
    assert joined(passages + reader.flush()) == joined(whole.push(text) + whole.flush())


@given(TEXTS)
def test_no_mark_is_ever_spoken(text: str) -> None:
    reader = PassageReader()
    for passage in reader.push(text) + reader.flush():
        assert not re.search(r"<\s*/?\s*uninterruptible\b", passage.text, re.IGNORECASE)


def test_a_passage_that_is_not_closed_lasts_to_the_end() -> None:
    assert clauses("Hi. <uninterruptible>All of this. And this.") == [
        Clause("Hi."),
        Clause("All of this.", interruptible=False),
        Clause("And this.", interruptible=False),
    ]


@pytest.mark.parametrize("text", ["Hi there.</uninterruptible>", "Hi there.<uninterr", "Hi there.</unin", "Hi there."])
def test_a_mark_that_marks_nothing_does_nothing(text: str) -> None:
    assert clauses(text) == [Clause("Hi there.")]


@pytest.mark.parametrize("text", ["5 < 6 is true", "a <", "x <b> y", "</b> z"])
def test_other_angles_are_text(text: str) -> None:
    assert plain(text) == text


def test_what_is_left_of_a_sentence_behind_a_passage_is_no_clause_of_its_own() -> None:
    spoken = clauses("We say <uninterruptible>all calls are recorded</uninterruptible>. Good?")
    assert [clause.text for clause in spoken] == ["We say", "all calls are recorded", "Good?"]


def test_a_text_can_be_marked() -> None:
    assert clauses(marked("Listen well.")) == [Clause("Listen well.", interruptible=False)]
