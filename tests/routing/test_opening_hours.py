"""When a route applies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.routing.opening_hours import OpeningHours

BERLIN = {"timezone": "Europe/Berlin"}


def open_at(text: str, **hours: Any) -> bool:
    return OpeningHours.model_validate({**BERLIN, **hours}).holds(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-23T08:59+01:00", False),
        ("2026-11-23T09:00+01:00", True),
        ("2026-11-23T16:59:59+01:00", True),
        ("2026-11-23T17:00+01:00", False),
        ("2026-11-23T08:30+00:00", True),
        ("2026-11-28T12:00+01:00", False),
        ("2026-12-24T12:00+01:00", False),
        ("2026-07-20T07:30+00:00", True),
    ],
)
def test_days_and_hours_are_those_of_the_time_zone(at: str, is_open: bool) -> None:
    assert open_at(at, days="mon-fri", hours="09:00-17:00", closed=["2026-12-24"]) is is_open


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-27T23:00+01:00", True),
        ("2026-11-28T05:59+01:00", True),
        ("2026-11-28T06:00+01:00", False),
        ("2026-11-28T23:00+01:00", False),
    ],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_began(at: str, is_open: bool) -> None:
    assert open_at(at, days="fri", hours="22:00-06:00") is is_open


@given(st.integers(0, 60 * 24 * 400))
def test_what_is_left_of_the_day_is_the_opposite(minutes: int) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    day = OpeningHours.model_validate({**BERLIN, "hours": ["08:00-12:00", "13:00-18:00"]})
    rest = OpeningHours.model_validate({**BERLIN, "hours": ["12:00-13:00", "18:00-08:00"]})
    assert day.holds(at) is not rest.holds(at)


def test_days_may_be_written_as_ranges_over_the_weekend() -> None:
    assert str(OpeningHours.model_validate({**BERLIN, "days": ["fri-mon"]})).startswith("mon, fri-sun 00:00-24:00")


@pytest.mark.parametrize(
    "wrong", [{"timezone": "Mars/Base"}, {**BERLIN, "days": "payday"}, {**BERLIN, "hours": "9 to 5"}]
)
def test_what_is_no_day_time_or_zone_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpeningHours.model_validate(wrong)
