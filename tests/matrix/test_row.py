from __future__ import annotations

from tests.matrix.row import FAIL, NOT_RUN, PASS, REQUIRED, Row, behaviour_of, joined, reason_of, unproven


def row(result: str = PASS, *, reason: str = "", behaviour: str = "a held call stays up") -> Row:
    return Row("INV-04", behaviour, "SIPp", "udp", result, reason)


def test_cases_of_one_test_are_one_row_that_fails_when_one_does() -> None:
    assert joined([row(), row(FAIL, reason="no audio"), row()]) == [
        Row("INV-04", "a held call stays up", "SIPp", "udp", FAIL, "no audio", 3)
    ]


def test_a_case_that_did_not_run_keeps_the_row_from_passing() -> None:
    assert [one.result for one in joined([row(), row(NOT_RUN, reason="no SIPp")])] == [NOT_RUN]


def test_other_behaviour_is_another_row() -> None:
    assert len(joined([row(), row(behaviour="a held call hears nothing")])) == 2


def test_a_required_scenario_without_a_test_fails() -> None:
    missing = unproven([row()])
    assert "INV-04" not in {one.scenario for one in missing}
    assert len(missing) == len(REQUIRED) - 1
    assert all(one.result == FAIL for one in missing)


def test_the_name_of_a_test_is_a_sentence() -> None:
    assert behaviour_of("test_a_held_call_stays_up[sendonly-udp]") == "a held call stays up"


def test_the_reason_is_the_assertion_and_not_the_place() -> None:
    text = "    assert heard\nE   AssertionError: nothing heard\nE   assert 0\n\ntests/x.py:3: AssertionError"
    assert reason_of(text) == "AssertionError: nothing heard"
