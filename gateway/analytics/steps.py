"""Steps of time in a time zone; pure. They begin as in PostgreSQL's date_trunc: weeks on Monday, centuries with 01."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

Step = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade", "century", "millennium"]
_QUARTER_HOUR_MS = 900_000
_GRAINS_MS: Mapping[Step, int] = {"second": 1000, "minute": 60_000}


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _first(at: datetime, year: int, month: int = 1) -> datetime:
    return _midnight(at.replace(year=year, month=month, day=1))


_FLOORS: Mapping[Step, Callable[[datetime], datetime]] = {
    "second": lambda at: at.replace(microsecond=0),
    "minute": lambda at: at.replace(second=0, microsecond=0),
    "hour": lambda at: at.replace(minute=0, second=0, microsecond=0),
    "day": _midnight,
    "week": lambda at: _midnight(at - timedelta(days=at.weekday())),
    "month": lambda at: _first(at, at.year, at.month),
    "quarter": lambda at: _first(at, at.year, (at.month - 1) // 3 * 3 + 1),
    "year": lambda at: _first(at, at.year),
    "decade": lambda at: _first(at, max(1, at.year // 10 * 10)),
    "century": lambda at: _first(at, (at.year - 1) // 100 * 100 + 1),
    "millennium": lambda at: _first(at, (at.year - 1) // 1000 * 1000 + 1),
}


def grain_ms(step: Step) -> int:
    """A span of time that lies within one step in every time zone: all of them are whole quarters of an hour from UTC.
    Rows are summed up by it in the database, and the sums by the step."""
    return _GRAINS_MS.get(step, _QUARTER_HOUR_MS)


def beginning(at: datetime, step: Step, zone: tzinfo) -> datetime:
    """Of the step that a time lies in."""
    return _FLOORS[step](at.astimezone(zone))


_WITHIN_A_DAY: Mapping[Step, timedelta] = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
}
_LONGEST_DAYS: Mapping[Step, int] = {
    "day": 1,
    "week": 7,
    "month": 31,
    "quarter": 92,
    "year": 366,
    "decade": 3653,
    "century": 36_525,
    "millennium": 365_243,
}


def following(start: datetime, step: Step, zone: tzinfo) -> datetime:
    """The beginning of the next step, from the beginning of one."""
    if step in _WITHIN_A_DAY:
        return beginning(start.astimezone(UTC) + _WITHIN_A_DAY[step], step, zone)
    try:
        return _FLOORS[step](start + timedelta(days=_LONGEST_DAYS[step]))
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def label(start: datetime, step: Step) -> str:
    """A step as results name it: a day, or for steps within a day its time with the offset from UTC."""
    if step not in ("second", "minute", "hour"):
        return start.date().isoformat()
    return start.isoformat().replace("+00:00", "Z") if start.utcoffset() == UTC.utcoffset(None) else start.isoformat()
