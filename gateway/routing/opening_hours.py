"""When a route applies: days and times of day in a time zone. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from gateway.routing.part import RoutePart

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")
_ONE_DAY = timedelta(days=1)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("timezone", "a time zone, such as Europe/Berlin") from None
    return name


def _days(value: object) -> object:
    """`mon-fri`, `sat`, or a list of such."""
    named: list[str] = []
    for part in value if isinstance(value, list | tuple) else [value]:
        first, _, last = str(part).strip().lower().partition("-")
        first, last = first[:3], (last or first)[:3]
        if first not in DAYS or last not in DAYS:
            raise PydanticCustomError("days", "days, such as mon-fri or [mon, wed, sat]")
        begin, end = DAYS.index(first), DAYS.index(last)
        named += [DAYS[(begin + step) % 7] for step in range((end - begin) % 7 + 1)]
    return named


def _span(text: str) -> str:
    match = _SPAN.fullmatch(text)
    if match is None or any(int(hour) > 24 or int(minute) > 59 for hour, minute in _parts(match)):
        raise PydanticCustomError("hours", "times of day, such as 09:00-17:30")
    return text


def _parts(match: re.Match[str]) -> Sequence[tuple[str, str]]:
    return ((match[1], match[2]), (match[3], match[4]))


def _spans(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Zone = Annotated[str, AfterValidator(_zone)]
Days = Annotated[list[str], BeforeValidator(_days)]
Spans = Annotated[list[Annotated[str, AfterValidator(_span)]], BeforeValidator(_spans)]


class OpeningHours(RoutePart):
    """`days` at `hours` of a time zone, but not on the dates in `closed`.

    Hours that end before they begin (`22:00-06:00`) go on after midnight, and belong to the day on which they began.
    """

    timezone: Zone
    days: Days = Field(default=list(DAYS))
    hours: Spans = Field(default=["00:00-24:00"])
    closed: list[date] = Field(default=[])

    def holds(self, at: datetime) -> bool:
        """Whether it applies at a moment, which has a time zone of its own."""
        local = at.astimezone(ZoneInfo(self.timezone))
        minutes = local.hour * 60 + local.minute
        today, yesterday = local.date(), local.date() - _ONE_DAY
        for begin, end in map(_minutes, self.hours):
            if begin < end:
                if begin <= minutes < end and self._is_open(today):
                    return True
            elif (minutes >= begin and self._is_open(today)) or (minutes < end and self._is_open(yesterday)):
                return True
        return False

    def told(self, at: datetime) -> str:
        """The moment as its time zone has it: Mon 17:45 Europe/Berlin."""
        local = at.astimezone(ZoneInfo(self.timezone))
        return f"{local:%a %Y-%m-%d %H:%M} {self.timezone}"

    def __str__(self) -> str:
        closed = f" but not on {', '.join(map(str, self.closed))}" if self.closed else ""
        return f"{_named(self.days)} {', '.join(self.hours)} {self.timezone}{closed}"

    def _is_open(self, day: date) -> bool:
        return DAYS[day.weekday()] in self.days and day not in self.closed


def _minutes(span: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(span)
    assert match is not None
    begin, end = (int(hour) * 60 + int(minute) for hour, minute in _parts(match))
    return begin, end


def _named(days: Sequence[str]) -> str:
    kept = [day for day in DAYS if day in days]
    if len(kept) == len(DAYS):
        return "daily"
    runs: list[list[str]] = []
    for day in kept:
        if runs and DAYS.index(runs[-1][-1]) + 1 == DAYS.index(day):
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
