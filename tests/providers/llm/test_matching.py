"""Finding what is meant among phrases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.llm.dialogue.matching import PhraseMatcher, likeness, words_of

MATCHER = PhraseMatcher(
    {
        "hours": ["what are your opening hours", "when do you open", "opening hours"],
        "order": ["where is my order", "track my package"],
        "thanks": ["thank you"],
    }
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What are your opening hours?", "hours"),
        ("um could you tell me please what your opening hours are", "hours"),
        ("opening ours", "hours"),
        ("Wear is my order", "order"),
        ("can you track the packages", "order"),
        ("thank you, and when do you open", "hours"),
        ("Thank you!", "thanks"),
        ("banana", None),
        ("", None),
    ],
)
def test_the_phrase_that_fits_best_is_found(text: str, name: str | None) -> None:
    match = MATCHER.best(text)
    assert (match.name if match else None) == name


@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    match = MATCHER.best(text)
    assert match is None or 0 < match.score <= 1


@pytest.mark.parametrize(("one", "other"), [("hours", "ours"), ("order", "orders"), ("night", "nite")])
def test_confusable_words_are_alike(one: str, other: str) -> None:
    assert 0.7 < likeness(one, other) <= 1
    assert likeness(one, other) == likeness(other, one)


@pytest.mark.parametrize(("one", "other"), [("open", "close"), ("to", "do"), ("order", "address")])
def test_different_words_are_not(one: str, other: str) -> None:
    assert likeness(one, other) == 0


def test_contractions_and_case_do_not_matter() -> None:
    assert words_of("What\u2019s UP, that's-it?") == ("whats", "up", "thats", "it")
