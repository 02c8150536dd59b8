from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.endpointing import (
    ANSWERED_MS,
    LONGEST_PATIENCE_MS,
    PATIENCE_MS,
    SHORTEST_PATIENCE_MS,
    SURE,
    UNSURE,
    CallerPace,
    expectation,
    finished,
    wait_ms,
)

PLAN = 300
PATIENCE = 1200
probabilities = st.floats(0, 1)
evidence = st.none() | probabilities


def wait(text: str, *, expects: str = "anything", over: float | None = None, plan_ms: int = PLAN) -> int:
    return wait_ms(text, expects=expects, plan_ms=plan_ms, finished=over, patience_ms=PATIENCE)


@pytest.mark.parametrize(
    ("text", "expects", "expected"),
    [
        ("What time is it?", "anything", PLAN),
        ("I want a table for two and", "anything", PATIENCE),
        ("My order number is.", "anything", PATIENCE),
        ("I have a different number.", "anything", PLAN),
        ("Well, um", "anything", PATIENCE),
        ("I want milk,", "anything", PATIENCE),
        ("Yes I am.", "anything", PLAN),
        ("My number is four seven", "anything", PATIENCE // 2),
        ("Send it to 45 Park Avenue.", "anything", PATIENCE // 2),
        ("We met in Park Avenue.", "anything", PLAN),
        ("M-I-L", "anything", PATIENCE),
        ("four seven", "digits", PATIENCE),
        ("47 11", "digits:4", ANSWERED_MS),
        ("47 1", "digits:4", PATIENCE),
        ("I do not know", "digits", PLAN),
        ("Yes.", "yes-no", ANSWERED_MS),
        ("Yes but the other one", "yes-no", PLAN),
        ("", "anything", PLAN),
    ],
)
def test_the_wait_fits_the_text(text: str, expects: str, expected: int) -> None:
    assert wait(text, expects=expects) == expected


def test_a_turn_that_is_over_for_sure_waits_as_planned_and_a_doubtful_one_as_long_as_the_caller_pauses() -> None:
    text = "I bought a washing machine"
    assert wait(text, over=SURE) == PLAN
    assert wait(text, over=UNSURE) == PATIENCE
    assert wait(text, over=(SURE + UNSURE) / 2) == (PLAN + PATIENCE) // 2


def test_an_open_word_does_not_hold_a_turn_that_is_over_for_sure() -> None:
    assert wait("What is it about?", over=0.5) == PATIENCE
    assert wait("What is it about?", over=SURE) == PLAN


def test_a_mere_courtesy_is_soon_answered_although_nothing_tells_that_it_is_all() -> None:
    assert wait("No, thank you.", over=0.1) == PATIENCE // 3
    assert wait("No, thank you.", over=SURE) == PLAN
    assert wait("No, the other one.", over=0.1) == PATIENCE


@given(st.text(alphabet="ab 12,.-", max_size=12), evidence, st.integers(0, 5000))
def test_only_an_expected_answer_is_quicker_than_the_plan(text: str, over: float | None, plan_ms: int) -> None:
    assert wait(text, over=over, plan_ms=plan_ms) >= plan_ms


@given(probabilities, probabilities)
def test_more_certainty_never_waits_longer(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert wait("what time is it", over=high) <= wait("what time is it", over=low)


@given(evidence, evidence)
def test_evidence_of_both_kinds_is_a_probability_and_none_is_none(
    by_words: float | None, by_sound: float | None
) -> None:
    over = finished(by_words, by_sound)
    assert (over is None) == (by_words is None and by_sound is None)
    assert over is None or 0 < over < 1


def test_words_and_sound_that_agree_are_surer_than_either() -> None:
    both, words, sound = finished(0.9, 0.9), finished(0.9, None), finished(None, 0.9)
    assert both is not None
    assert words is not None
    assert sound is not None
    assert both > max(words, sound)


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
    assert wait("I want to", plan_ms=3000) == 3000


def test_an_expected_answer_is_not_slower_than_a_quick_plan() -> None:
    assert wait("yes", expects="yes-no", plan_ms=100) == 100


def test_patience_follows_the_pauses_of_the_caller_within_bounds() -> None:
    pace = CallerPace()
    assert pace.patience_ms == PATIENCE_MS
    pace.paused(750)
    assert pace.patience_ms == 1350
    for _ in range(20):
        pace.paused(5000)
    assert pace.patience_ms == LONGEST_PATIENCE_MS
    for _ in range(40):
        pace.paused(300)
    assert pace.patience_ms == SHORTEST_PATIENCE_MS


def test_after_a_cut_off_there_is_more_time_which_is_given_up_again() -> None:
    pace = CallerPace()
    pace.cut_off(500)
    assert pace.caution_ms == 600
    for _ in range(6):
        pace.took_turn()
    assert pace.caution_ms < 100


def test_gaps_between_words_teach_nothing() -> None:
    pace = CallerPace()
    pace.paused(150)
    assert pace.patience_ms == PATIENCE_MS
