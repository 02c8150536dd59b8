"""How many calls a trunk carries."""

from __future__ import annotations

import pytest

from gateway.call.limits import OrganisationLimits, TrunkLimits
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


def test_an_organisation_has_as_many_calls_as_it_may_and_the_others_do_not_count() -> None:
    limits = OrganisationLimits(2, None)
    limits.admit("ours", ["ours", "theirs", "theirs", None], 0)
    with pytest.raises(OverLimit, match=r"'ours' has 2 calls"):
        limits.admit("ours", ["ours", "ours"], 0)


def test_an_organisation_begins_so_many_calls_in_a_second() -> None:
    limits = OrganisationLimits(None, 2)
    for now in (0.0, 0.5, 1.1, 1.6):
        limits.admit("ours", [], now)
    limits.admit("theirs", [], 1.6)
    with pytest.raises(OverLimit, match="begins 2 calls a second"):
        limits.admit("ours", [], 1.7)
