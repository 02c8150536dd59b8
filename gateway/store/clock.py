"""When rows are made: the wall clock in UTC, never the same millisecond twice, so that newest first is an order."""

from __future__ import annotations

import time
from datetime import datetime

from gateway.store.columns import moment


class Clock:
    """Of one process."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> datetime:
        """Later than whatever it told before, by 1 ms at least."""
        self._last = max(time.time_ns() // 1_000_000, self._last + 1)
        return moment(self._last)


clock = Clock()
