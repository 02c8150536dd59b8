from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.steps import Step, beginning, following, grain_ms, label
from gateway.store.columns import milliseconds, moment

OSLO, KATHMANDU = ZoneInfo("Europe/Oslo"), ZoneInfo("Asia/Kathmandu")
AT = datetime(2026, 11, 23, 23, 31, 45, 678_000, tzinfo=UTC)
STEPS: tuple[Step, ...] = get_args(Step)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("second", "2026-11-24T00:31:45+01:00"),
        ("minute", "2026-11-24T00:31:00+01:00"),
        ("hour", "2026-11-24T00:00:00+01:00"),
        ("day", "2026-11-24"),
        ("week", "2026-11-23"),
        ("month", "2026-11-01"),
        ("quarter", "2026-10-01"),
        ("year", "2026-01-01"),
        ("decade", "2020-01-01"),
        ("century", "2001-01-01"),
        ("millennium", "2001-01-01"),
    ],
)
def test_a_step_begins_where_its_time_zone_has_it(step: Step, expected: str) -> None:
    assert label(beginning(AT, step, OSLO), step) == expected


def test_utc_is_written_as_vapi_writes_it() -> None:
    assert label(beginning(AT, "hour", ZoneInfo("UTC")), "hour") == "2026-11-23T23:00:00Z"


def test_an_hour_that_comes_twice_is_two_steps() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    starts = [label(beginning(first + timedelta(hours=hours), "hour", OSLO), "hour") for hours in (0, 1)]
    assert starts == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(STEPS),
    st.sampled_from([OSLO, KATHMANDU, ZoneInfo("UTC"), ZoneInfo("Australia/Lord_Howe")]),
)
def test_a_time_lies_in_one_step_and_its_grain_too(at: datetime, step: Step, zone: ZoneInfo) -> None:
    start = beginning(at, step, zone)
    after = following(start, step, zone)
    assert start.astimezone(UTC) <= at < after.astimezone(UTC)
    assert beginning(after, step, zone).astimezone(UTC) == after.astimezone(UTC)
    grain = milliseconds(at) // grain_ms(step) * grain_ms(step)
    assert beginning(moment(grain), step, zone) == start
