"""Thoughts in the text of a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.llm.thoughts import ThoughtFilter


def spoken(*pieces: str) -> str:
    thoughts = ThoughtFilter()
    return "".join([*(thoughts.push(piece) for piece in pieces), thoughts.finish()])


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("Hello.", "Hello."),
        ("<think>The caller is late.</think>\n\nHello.", "Hello."),
        ("<think>\n\n</think>\n\nHello.", "Hello."),
        ("One <think>a</think>two <think>b</think>three", "One two three"),
        ("<think>never ending", ""),
        ("a < b, <thing> and <thin", "a < b, <thing> and <thin"),
        ("<uninterruptible>Listen.</uninterruptible>", "<uninterruptible>Listen.</uninterruptible>"),
    ],
)
def test_thoughts_are_taken_out(text: str, heard: str) -> None:
    assert spoken(text) == heard
    assert spoken(*text) == heard


def test_text_without_a_tag_is_not_held_back() -> None:
    assert ThoughtFilter().push("Hello") == "Hello"


@given(st.lists(st.text(alphabet="<think>/ ab", max_size=6)))
def test_how_the_text_is_broken_changes_nothing(pieces: list[str]) -> None:
    assert spoken(*pieces) == spoken("".join(pieces))
