"""The timer of the turn machine's deadlines: a moment of the call clock, met by the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.worker.clock import CallClock

LEAD_MS = 10
"""A deadline is met this much early. What is decided then, such as that the caller's turn is over, has to be in the
gateway's play ring before the media tick of that moment, or it is heard a whole frame later; the way there takes 3 to
8 ms. It costs no evidence: the caller's next frame arrives with that tick."""
EARLY_MS = 5
"""A timer of the loop may be this much before its time."""
LATE_AUDIO_SECONDS = 0.02
"""Pause before looking again when the call clock waits for audio."""


class DeadlineTimer:
    """At most one deadline is set.

    :param time_up: told the moment that was reached, ms of the call clock: the deadline, or later
    """

    def __init__(self, clock: CallClock, time_up: Callable[[int], None]) -> None:
        self._clock = clock
        self._time_up = time_up
        self._handle: asyncio.TimerHandle | None = None
        self._deadline: int | None = None

    def set(self, deadline: int | None) -> None:
        """Meet this deadline, ms of the call clock, and no other; None meets none."""
        if deadline == self._deadline and self._handle is not None:
            return
        self.cancel()
        self._deadline = deadline
        if deadline is not None:
            self._wait(self._clock.seconds_until(deadline - LEAD_MS), deadline)

    def cancel(self) -> None:
        """Meet nothing any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _wait(self, seconds: float, deadline: int) -> None:
        self._handle = asyncio.get_running_loop().call_later(seconds, self._look, deadline)

    def _look(self, deadline: int) -> None:
        self._handle = None
        now = self._clock.now()
        if self._clock.running and now + LEAD_MS + EARLY_MS < deadline:
            self._wait(LATE_AUDIO_SECONDS, deadline)
        else:
            self._time_up(max(deadline, now))
