from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.aggregates import Aggregate, Level, average, levels

START = datetime(2026, 11, 23, tzinfo=UTC)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def of(values: list[int]) -> Aggregate:
    return Aggregate(len(values), sum(values), min(values, default=None), max(values, default=None))


@given(st.lists(st.integers(0, 1000)), st.lists(st.integers(0, 1000)))
def test_parts_add_up_to_the_whole(first: list[int], second: list[int]) -> None:
    added = of(first)
    added.add(of(second))
    assert added == of(first + second)


def test_values_are_told_in_the_unit_that_is_shown() -> None:
    some = of([60_000, 120_000])
    told = [some.value(operation, 60_000) for operation in ("count", "sum", "avg", "min", "max")]
    assert told == [2, 3, 1.5, 1, 2]
    assert [Aggregate().value(operation, 1) for operation in ("count", "sum", "avg", "min")] == [0, 0, None, None]


def test_calls_at_once_rise_and_fall() -> None:
    found = levels([(at(1), at(5)), (at(2), at(3)), (at(-5), at(0)), (at(8), at(20)), (at(4), at(4))], at(0), at(10))
    assert found == [
        Level(at(0), 0),
        Level(at(1), 1),
        Level(at(2), 2),
        Level(at(3), 1),
        Level(at(5), 0),
        Level(at(8), 1),
    ]
    assert average(found, at(10)) == pytest.approx((1 + 2 + 2 + 2) / 10)


def test_without_calls_there_is_one_level() -> None:
    assert levels([], at(0), at(10)) == [Level(at(0), 0)]
    assert average([Level(at(0), 0)], at(0)) == 0
