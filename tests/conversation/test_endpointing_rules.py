"""The assistant's endpointing plans: which of them decides, and what it says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.conversation.endpointing_rules import (
    UNJUDGED_MS,
    EndpointingPlan,
    EndpointingRule,
    Pattern,
    PatternError,
    SmartEndpointing,
    TranscriptionWaits,
    check_pattern,
)

WAITS = TranscriptionWaits(punctuation_ms=100, no_punctuation_ms=1500, number_ms=500)
RULE = EndpointingRule(3000, assistant=Pattern("account number"))


def wait(plan: EndpointingPlan, text: str = "hello", *, said: str = "", **evidence: float | None) -> int | None:
    answer = evidence.pop("answer", None)
    finished, by_sound = evidence.get("finished"), evidence.get("by_sound")
    answer_ms = None if answer is None else int(answer)
    return plan.wait_ms(text, said=said, finished=finished, by_sound=by_sound, answer_ms=answer_ms)


# ---------------------------------------------------------------- precedence


def test_a_rule_that_matches_wins_over_every_other_plan() -> None:
    for smart in (None, *SmartEndpointing):
        plan = EndpointingPlan((RULE,), smart, "70", WAITS)
        assert wait(plan, said="What is your account number?", finished=1.0, answer=5) == 3000


def test_the_first_rule_that_matches_is_taken() -> None:
    plan = EndpointingPlan((RULE, EndpointingRule(1, customer=Pattern("a")), EndpointingRule(2, customer=Pattern("a"))))
    assert wait(plan, "a") == 1


def test_a_smart_plan_wins_over_the_transcription_plan() -> None:
    assert wait(EndpointingPlan(smart=SmartEndpointing.POLICY, transcription=WAITS)) is None
    function = EndpointingPlan(smart=SmartEndpointing.FUNCTION, wait_function="1000 * x", transcription=WAITS)
    assert wait(function, finished=0.25) == 750
    by_sound = EndpointingPlan(smart=SmartEndpointing.FUNCTION_OF_SOUND, wait_function="1000 * x")
    assert wait(by_sound, finished=0.25, by_sound=0.5) == 500
    server = EndpointingPlan(smart=SmartEndpointing.SERVER, transcription=WAITS)
    assert wait(server, answer=900) == 900


def test_without_evidence_a_smart_plan_leaves_it_to_the_policy() -> None:
    assert wait(EndpointingPlan(smart=SmartEndpointing.FUNCTION, wait_function="1000 * x")) is None
    by_sound = EndpointingPlan(smart=SmartEndpointing.FUNCTION_OF_SOUND, wait_function="x")
    assert wait(by_sound, finished=0.5) == UNJUDGED_MS, "the model may still be at work"
    assert wait(EndpointingPlan(smart=SmartEndpointing.SERVER)) is None


def test_without_any_plan_the_policy_decides() -> None:
    assert wait(EndpointingPlan(), "Hello.", finished=1.0) is None


def test_the_server_is_not_asked_when_a_rule_answers() -> None:
    plan = EndpointingPlan((RULE,), SmartEndpointing.SERVER)
    assert not plan.asks_server("hello", "Your account number?")
    assert plan.asks_server("hello", "Your name?")
    assert not EndpointingPlan((RULE,)).asks_server("hello", "Your name?")


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (Pattern("cat"), "I love cats", True),
        (Pattern("^cat$"), "I love cats", False),
        (Pattern("CAT"), "cat", False),
        (Pattern("CAT", ignore_case=True), "cat", True),
        (Pattern("cat|dog", whole_word=True), "I love cats", False),
        (Pattern("cat|dog", whole_word=True), "a dog.", True),
        (Pattern("^b$"), "a\nb", False),
        (Pattern("^b$", multi_line=True), "a\nb", True),
        (Pattern(r"\d{3,}"), "call 4711", True),
        (Pattern(r"\d"), "\u0664", False),
        (Pattern("Grüße"), "Viele Grüße", True),
    ],
)
def test_a_pattern_matches_as_in_javascript(pattern: Pattern, text: str, found: bool) -> None:
    assert pattern.matches(text) is found


def test_a_rule_for_both_needs_both() -> None:
    rule = EndpointingRule(9, assistant=Pattern("number"), customer=Pattern(r"\d$"))
    assert rule.matches("my 4", "Your number?")
    assert not rule.matches("my 4", "Your name?")
    assert not rule.matches("my", "Your number?")


@pytest.mark.parametrize("text", ["(", "(?=a)", r"(a)\1", "a{2,1}", "a" * 2000, "((((a{99}){99}){99}){99})", "\ud800"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(PatternError):
        check_pattern(text)


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=200))
def test_any_pattern_is_refused_or_matched(pattern: str, text: str) -> None:
    try:
        check_pattern(pattern)
    except PatternError:
        return
    assert Pattern(pattern).matches(text) in (True, False)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "(a+a+)+y"])
def test_a_pattern_that_would_backtrack_for_ever_gives_its_answer(pattern: str) -> None:
    assert not Pattern(pattern).matches("a" * 100_000 + "!")


# ---------------------------------------------------------------- transcription plan


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("Where is my order?", 100),
        ('He said "now."', 100),
        ("Where is my", 1500),
        ("I want milk,", 1500),
        ("Well...", 1500),
        ("My number is 47.", 500),
        ("It is four seven", 500),
        ("", 1500),
    ],
)
def test_the_end_of_the_text_gives_the_wait(text: str, ms: int) -> None:
    assert wait(EndpointingPlan(transcription=WAITS), text) == ms
