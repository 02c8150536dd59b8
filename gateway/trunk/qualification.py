"""Whether a gateway of a trunk can be reached, by OPTIONS requests. No clock, no stack inside: times are seconds of a
monotonic clock that the caller reads."""

from __future__ import annotations

from dataclasses import dataclass

_MISSES = 2
"""One datagram may get lost."""
_PATIENCE_SECONDS = 4.0
_NO_ANSWER = 408
"""Also what a proxy says that got no answer itself."""


@dataclass(slots=True)
class Qualification:
    """One gateway. Any final answer means that it is there, also that it takes no OPTIONS (RFC 3261 section 11), or no
    calls at the moment; only 408 does not.

    :param interval: seconds from one OPTIONS to the next; 0 for none
    """

    interval: float
    due_at: float = 0.0
    reachable: bool | None = None
    status: int = 0
    """Of the last answer, 0 when none came."""
    _misses: int = 0
    _given_up_at: float | None = None

    def take(self, now: float) -> bool:
        """Whether to send an OPTIONS now. One that was not answered in time is followed by another at once."""
        if not self.interval:
            return False
        if self._given_up_at is not None and now >= self._given_up_at:
            self._missed(now)
        if now < self.due_at:
            return False
        self.due_at = now + self.interval
        self._given_up_at = now + min(_PATIENCE_SECONDS, self.interval / 4)
        return True

    def answered(self, status: int, *, now: float) -> None:
        """A final answer came."""
        if status == _NO_ANSWER:
            self._missed(now)
            return
        self.reachable, self.status, self._misses, self._given_up_at = True, status, 0, None

    def _missed(self, now: float) -> None:
        self._given_up_at = None
        self._misses += 1
        if self._misses < _MISSES:
            self.due_at = min(self.due_at, now)
        else:
            self.reachable, self.status = False, 0
