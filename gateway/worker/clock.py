"""The call clock as a worker sees it.

The gateway is the only source of the clock, and says what time it is with every frame of audio. Between frames the
monotonic clock carries it on. Audio arrives late by turns, never early, so the least delay seen is the best estimate;
it is let go of slowly, for the two clocks drift.
"""

from __future__ import annotations

import time
from collections.abc import Callable

DRIFT = 0.001
"""How much of a larger delay is believed with each frame."""


class CallClock:
    """Estimates the call clock in ms. Before the first frame it stands at `at_ms`."""

    def __init__(self, at_ms: int = 0, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._born = monotonic()
        self._latest = at_ms
        self._start = at_ms
        self._offset: float | None = None

    def heard(self, end_ms: int) -> None:
        """Audio that ends at `end_ms` has just arrived."""
        offset = self._monotonic() * 1000 - end_ms
        if self._offset is None or offset < self._offset:
            self._offset = offset
        else:
            self._offset += (offset - self._offset) * DRIFT

    def now(self) -> int:
        """The call clock now; never runs backwards."""
        if self._offset is not None:
            self._latest = max(self._latest, int(self._monotonic() * 1000 - self._offset))
        return self._latest

    def seconds_until(self, at_ms: int) -> float:
        """Seconds of monotonic time until the call clock shows `at_ms`, 0 when it is past. Before the first frame time
        counts from the opening."""
        offset = self._offset if self._offset is not None else self._born * 1000 - self._start
        return max(0.0, (at_ms + offset) / 1000 - self._monotonic())
