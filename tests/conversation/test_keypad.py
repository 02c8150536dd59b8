"""When keys are taken, and what they say."""

from __future__ import annotations

import pytest

from gateway.conversation.keypad import EXPECTED_MS, UNTIMED_MS, KeypadPlan


@pytest.mark.parametrize(
    ("plan", "keys", "wait_ms", "text"),
    [
        (KeypadPlan(), "42", 2000, "42"),
        (KeypadPlan(), "42#", 0, "42"),
        (KeypadPlan(), "42*", 2000, "42*"),
        (KeypadPlan(), "#", 0, "#"),
        (KeypadPlan(), "4##", 0, "4#"),
        (KeypadPlan(delimiters="*"), "42#", 2000, "42#"),
        (KeypadPlan(delimiters="*"), "4*", 0, "4"),
        (KeypadPlan(delimiters="#*"), "4*", 0, "4"),
        (KeypadPlan(delimiters=""), "4#", 2000, "4#"),
        (KeypadPlan(timeout_ms=0), "4", UNTIMED_MS, "4"),
        (KeypadPlan(timeout_ms=0, delimiters=""), "4", 0, "4"),
    ],
)
def test_keys(plan: KeypadPlan, keys: str, wait_ms: int, text: str) -> None:
    assert (plan.wait_ms(keys), plan.text(keys)) == (wait_ms, text)


def test_as_many_keys_as_were_asked_for_need_no_delimiter() -> None:
    plan = KeypadPlan()
    assert [plan.wait_ms("1234"[:count], expected=4) for count in (3, 4)] == [2000, EXPECTED_MS]
