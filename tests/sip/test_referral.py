"""The outcome of a REFER is told once, by the last NOTIFY or by the end of the call."""

from __future__ import annotations

import pytest

from gateway.sip.referral import ReferOutcome, Referral


def sent(*progress: int) -> Referral:
    referral = Referral()
    referral.sent()
    for status in progress:
        assert referral.notified(status, "", final=False) is None
    return referral


@pytest.mark.parametrize(("status", "ok"), [(200, True), (202, True), (302, False), (486, False), (603, False)])
def test_the_final_notify_tells_the_outcome_once(status: int, ok: bool) -> None:
    referral = sent(100, 180)
    assert referral.notified(status, "Why", final=True) == ReferOutcome(ok, f"{status} Why")
    assert referral.notified(status, "Why", final=True) is None
    assert referral.call_ended(by_us=False) is None


@pytest.mark.parametrize(
    ("progress", "by_us", "ok"), [((100,), False, True), ((100,), True, False), ((), False, False)]
)
def test_an_end_before_the_outcome_is_one_where_the_far_end_had_accepted(
    progress: tuple[int, ...], by_us: bool, ok: bool
) -> None:
    referral = sent(*progress)
    assert referral.call_ended(by_us=by_us) == ReferOutcome(ok, "the call ended before its outcome came")
    assert referral.call_ended(by_us=by_us) is None


def test_who_waits_no_longer_is_told_nothing_by_the_end_of_the_call() -> None:
    referral = sent(100)
    referral.give_up()
    assert referral.call_ended(by_us=False) is None
    referral.sent()
    assert referral.call_ended(by_us=False) == ReferOutcome(False, "the call ended before its outcome came")


def test_a_notify_without_a_refer_is_nothing() -> None:
    assert Referral().notified(200, "OK", final=True) is None
