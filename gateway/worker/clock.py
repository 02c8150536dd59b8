"""The call clock as a worker sees it.

The gateway is the only source of the clock, and says what time it is with every frame of audio. Between frames the
monotonic clock carries it on. Audio arrives late by turns, never early, so the least delay seen is the best estimate;
it is let go of slowly, for the two clocks drift.

Decisions wait for what they are about: a worker that is behind with its work has the caller's audio still before it,
and its clock does not run ahead of what it heard. Only when audio stays away for long does time pass without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

DRIFT = 0.001
"""How much of a larger delay is believed with each frame."""
AHEAD_MS = 100
"""How far the clock runs ahead of the audio that was heard."""
AWAY_MS = 1000
"""Audio that did not come for this long is away, not late."""


class CallClock:
    """Estimates the call clock in ms. Before the first frame it stands at `at_ms`."""

    def __init__(self, at_ms: int = 0, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._born = monotonic()
        self._latest = at_ms
        self._start = at_ms
        self._offset: float | None = None
        self._heard_ms = at_ms

    def heard(self, end_ms: int) -> None:
        """Audio that ends at `end_ms` has just arrived."""
        self._heard_ms = max(self._heard_ms, end_ms)
        offset = self._monotonic() * 1000 - end_ms
        if self._offset is None or offset < self._offset:
            self._offset = offset
        else:
            self._offset += (offset - self._offset) * DRIFT

    def now(self) -> int:
        """The call clock now; never runs backwards."""
        if self._offset is not None:
            estimate = int(self._monotonic() * 1000 - self._offset)
            if AHEAD_MS < estimate - self._heard_ms < AWAY_MS:
                estimate = self._heard_ms + AHEAD_MS
            self._latest = max(self._latest, estimate)
        return self._latest

    @property
    def running(self) -> bool:
        """Audio has come."""
        return self._offset is not None

    def seconds_until(self, at_ms: int) -> float:
        """Seconds of monotonic time until the call clock shows `at_ms`, 0 when it is past. Before the first frame time
        counts from the opening."""
        offset = self._offset if self._offset is not None else self._born * 1000 - self._start
        return max(0.0, (at_ms + offset) / 1000 - self._monotonic())
