"""How many calls a trunk carries."""

from __future__ import annotations

import pytest

from gateway.call.limits import TrunkLimits
from gateway.errors import OverLimit
from gateway.trunk.settings import TrunkSettings


def trunk(**limits: float) -> TrunkSettings:
    return TrunkSettings.model_validate({"name": "office", "registrar": "pbx", "username": "100", **limits})


def test_a_trunk_carries_as_many_calls_as_it_may_and_the_others_do_not_count() -> None:
    limits = TrunkLimits()
    limits.admit(trunk(max_calls=2), ["office", None, "mobile"], 0)
    with pytest.raises(OverLimit, match=r"'office' carries 2 calls") as refusal:
        limits.admit(trunk(max_calls=2), ["office", "office"], 0)
    assert refusal.value.status == 503
    assert refusal.value.retry_after


def test_so_many_calls_begin_in_a_second_and_more_in_the_next() -> None:
    limits, office = TrunkLimits(), trunk(calls_per_second=2)
    for _ in range(2):
        limits.admit(office, [], 10.0)
        limits.begun(office, 10.0)
    with pytest.raises(OverLimit, match="begins 2 calls a second"):
        limits.admit(office, [], 10.9)
    limits.admit(office, [], 11.0)


def test_a_trunk_may_have_less_than_a_call_a_second() -> None:
    limits, office = TrunkLimits(), trunk(calls_per_second=0.5)
    limits.begun(office, 10.0)
    with pytest.raises(OverLimit):
        limits.admit(office, [], 11.9)
    limits.admit(office, [], 12.0)


def test_without_limits_there_are_none() -> None:
    limits = TrunkLimits()
    limits.begun(trunk(), 0)
    limits.admit(trunk(), ["office"] * 1000, 0)
