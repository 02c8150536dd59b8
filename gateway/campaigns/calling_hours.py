"""When somebody may be called: hours of the day where they are. Pure.

Where a number is, follows from its country and area code (libphonenumber). A number of several time zones, such as a
mobile one of a large country, may be called only while it is the right time in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MINUTES = 24 * 60
_SEARCHED = timedelta(days=400)
"""No window is looked for beyond: holidays and days that leave none open would make a search without end."""
_STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class CallingHours:
    """:param start: minutes after midnight, the first at which somebody is called
    :param end: minutes after midnight, the first at which nobody is called any more; 1440 is midnight
    :param days: 0 is Monday
    :param holidays: days on which nobody is called
    """

    start: int = 8 * 60
    end: int = 21 * 60
    days: frozenset[int] = frozenset(range(7))
    holidays: frozenset[date] = frozenset()

    @property
    def always(self) -> bool:
        """Whether there is no hour at which nobody may be called: then it does not matter where anybody is."""
        return self.start == 0 and self.end == _MINUTES and len(self.days) == len(DAYS) and not self.holidays

    def open(self, at: datetime, zones: Sequence[tzinfo]) -> bool:
        """Whether somebody who is in one of these zones may be called.

        :param zones: all that are possible; none closes, unless the hours never do
        """
        return self.always or (bool(zones) and all(self._open(at.astimezone(zone)) for zone in zones))

    def next_open(self, at: datetime, zones: Sequence[tzinfo]) -> datetime | None:
        """The first time from `at` on, to a quarter of an hour, at which they may be called; None where there is none
        within 400 days."""
        if not zones and not self.always:
            return None
        found, last = at, at + _SEARCHED
        while found <= last:
            if self.open(found, zones):
                return found
            found = max(max(self._after(found, zone) for zone in zones), found + timedelta(seconds=1))
        return None

    def _open(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        return self.start <= minute < self.end and self._is_day(local.date())

    def _is_day(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.holidays

    def _after(self, at: datetime, zone: tzinfo) -> datetime:
        """When it may be open next in a zone; `at` while it is open there."""
        local = at.astimezone(zone)
        if self._open(local):
            return at
        day = local.date()
        if local.hour * 60 + local.minute >= self.start or not self._is_day(day):
            day += timedelta(days=1)
        begins = datetime.combine(day, time(self.start // 60, self.start % 60), tzinfo=zone).astimezone(UTC)
        # Where clocks go forward over the beginning, its time comes later; step until it is there.
        return begins if begins > at else at + _STEP


@lru_cache(maxsize=20_000)
def zones_of(number: str) -> tuple[ZoneInfo, ...]:
    """The time zones in which a number in E.164 may be; none where nothing is known."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    names = timezone.time_zones_for_number(parsed)
    return () if timezone.UNKNOWN_TIMEZONE in names else tuple(_zone(name) for name in names)


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
