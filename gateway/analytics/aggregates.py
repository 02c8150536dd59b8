"""Sums that can be added to others; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Simple = Literal["sum", "avg", "count", "min", "max"]


@dataclass(slots=True)
class Aggregate:
    """Of the values of a column that are there, in whole units: milliseconds, millionths of a dollar, pieces."""

    count: int = 0
    sum: int = 0
    min: int | None = None
    max: int | None = None

    def add(self, other: Aggregate) -> None:
        """Take in the values of another."""
        self.count += other.count
        self.sum += other.sum
        self.min = _chosen(min, self.min, other.min)
        self.max = _chosen(max, self.max, other.max)

    def value(self, operation: Simple, unit: int) -> float | int | None:
        """What an operation gives; None where there are no values.

        :param unit: so many make one of what is shown
        """
        if operation == "count":
            return self.count
        if operation == "sum":
            return _shown(self.sum, unit)
        if operation == "avg":
            return self.sum / self.count / unit if self.count else None
        extreme = self.min if operation == "min" else self.max
        return None if extreme is None else _shown(extreme, unit)


def _chosen(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def _shown(value: int, unit: int) -> float | int:
    return value if unit == 1 else value / unit


@dataclass(frozen=True, slots=True)
class Level:
    """So many calls went on from `at` until the next level."""

    at: datetime
    calls: int


def levels(spans: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime) -> list[Level]:
    """How many calls went on at once from `start` to `end`, as steps of a staircase, the first at `start`.

    :param spans: begin and end of each call
    """
    changes: dict[datetime, int] = {start: 0}
    for begun, over in spans:
        first, last = max(begun, start), min(over, end)
        if first < last:
            changes[first] = changes.get(first, 0) + 1
            changes[last] = changes.get(last, 0) - 1
    found, calls = [], 0
    for at in sorted(changes):
        calls += changes[at]
        if at < end or at == start:
            found.append(Level(at, calls))
    return found


def average(found: Sequence[Level], end: datetime) -> float:
    """The mean number of calls at once, each level by the time that it lasted."""
    total = (end - found[0].at).total_seconds()
    if total <= 0:
        return float(found[0].calls)
    ends = [*(level.at for level in found[1:]), end]
    return (
        sum(level.calls * (until - level.at).total_seconds() for level, until in zip(found, ends, strict=True)) / total
    )
