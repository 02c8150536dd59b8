"""How fast a campaign calls: the next calls, from what is live and when the last one began. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

DEFAULT_AT_ONCE = 10
"""As Vapi's maxConcurrency."""
_UNLIMITED = timedelta(0)


@dataclass(frozen=True, slots=True)
class Pace:
    """:param at_once: calls
    :param per_minute: calls that begin; None for no limit but `at_once`
    """

    at_once: int = DEFAULT_AT_ONCE
    per_minute: float | None = None

    @property
    def between(self) -> timedelta:
        """From one call's beginning to the next one's, at least."""
        return _UNLIMITED if self.per_minute is None else timedelta(minutes=1 / self.per_minute)

    def beginnings(self, now: datetime, *, live: int, last: datetime | None, horizon: timedelta) -> Sequence[datetime]:
        """When the next calls begin, as many as may within `horizon` from now.

        :param live: calls that go on, or have got their time to begin
        :param last: when the last call began, or is to begin
        """
        found: list[datetime] = []
        while len(found) + live < self.at_once:
            at = now if last is None else max(now, last + self.between)
            if at >= now + horizon:
                break
            found.append(at)
            last = at
        return found
