from __future__ import annotations

import pytest

from gateway.conversation.endpointing import (
    ANSWERED_MS,
    DIGITS_MS,
    LONGEST_MS,
    NUMBER_MS,
    OPEN_MS,
    CallerPace,
    expectation,
    wait_ms,
)

PLAN = 400


@pytest.mark.parametrize(
    ("text", "expects", "wait"),
    [
        ("What time is it?", "anything", PLAN),
        ("I want a table for two and", "anything", OPEN_MS),
        ("My order number is.", "anything", OPEN_MS),
        ("Well, um", "anything", OPEN_MS),
        ("I want milk,", "anything", OPEN_MS),
        ("Yes I am.", "anything", PLAN),
        ("My number is four seven", "anything", NUMBER_MS),
        ("four seven", "digits", DIGITS_MS),
        ("47 11", "digits:4", ANSWERED_MS),
        ("47 1", "digits:4", DIGITS_MS),
        ("I do not know", "digits", PLAN),
        ("Yes.", "yes-no", ANSWERED_MS),
        ("Yes but the other one", "yes-no", PLAN),
        ("", "anything", PLAN),
    ],
)
def test_the_wait_fits_the_text(text: str, expects: str, wait: int) -> None:
    assert wait_ms(text, expects=expects, plan_ms=PLAN) == wait


@pytest.mark.parametrize(
    ("expects", "said", "expected"),
    [
        ("digits", "What is your number? It has four digits.", "digits:4"),
        ("anything", "Please tell me the 6-digit code.", "digits:6"),
        ("digits", "What is your number?", "digits"),
        ("yes-no", "Are the four digits right?", "yes-no"),
        ("anything", "One moment.", "anything"),
    ],
)
def test_the_agents_own_words_tell_how_many_digits_it_waits_for(expects: str, said: str, expected: str) -> None:
    assert expectation(expects, said) == expected


def test_a_patient_plan_is_never_undercut_by_an_open_sentence() -> None:
    assert wait_ms("I want to", expects="anything", plan_ms=3000) == 3000


def test_an_expected_answer_is_not_slower_than_a_quick_plan() -> None:
    assert wait_ms("yes", expects="yes-no", plan_ms=100) == 100


def test_a_slow_caller_is_given_more_time_up_to_a_bound() -> None:
    pace = CallerPace()
    assert pace.stretch(400) == 400
    pace.paused(600)
    assert pace.stretch(400) == 720
    for _ in range(20):
        pace.paused(5000)
    assert pace.stretch(400) == LONGEST_MS
    assert pace.stretch(3000) == 3000
