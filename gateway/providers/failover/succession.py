"""Which of the candidates serves a call next. Pure: `now` is seconds of the clock that the circuits know."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import ProviderError, ProviderTimeout
from gateway.providers.health import Circuit

_HELD_SECONDS = 10.0
"""One that served for so long did its work, also when nobody asked it for anything."""


class Succession:
    """The candidates of one call, by their numbers; the first is preferred.

    Each is tried once until one of them does what it should. When nothing else is there, two more are tried: the one
    that served, if it may only have lost its connection, and, if nobody was asked at all because all circuits are open,
    the one whose circuit closes first.
    """

    def __init__(self, circuits: Sequence[Circuit]) -> None:
        self._circuits = circuits
        self._tried: set[int] = set()
        self._lost: int | None = None
        self._again: set[int] = set()
        self._since = 0.0

    def next(self, now: float) -> int | None:
        """Who is to be tried, None when nobody is left."""
        for number, circuit in enumerate(self._circuits):
            if number not in self._tried and circuit.admits(now):
                self._tried.add(number)
                return number
        resort = self._lost if self._lost is not None else self._first_to_close(now)
        if resort is None or resort in self._again:
            return None
        self._again.add(resort)
        self._tried.add(resort)
        return resort

    def _first_to_close(self, now: float) -> int | None:
        if self._tried:
            return None
        waits = [(one.open_seconds(now), n) for n, one in enumerate(self._circuits) if not one.left_alone(now)]
        return min(waits)[1] if waits else None

    def others(self, now: float) -> bool:
        """Somebody else could be tried now."""
        return any(n not in self._tried and one.state(now) != "open" for n, one in enumerate(self._circuits))

    def serves(self, now: float) -> None:
        """The one that was tried is open."""
        self._since = now

    def worked(self, number: int) -> None:
        """It did what it should: all the others may be tried again."""
        self._tried, self._again, self._lost = {number}, set(), None

    def failed(self, number: int, now: float, error: ProviderError, *, served: bool) -> None:
        """It failed; `served` tells whether it had been open."""
        # One that stayed open and gave no answer did not work: otherwise it would be tried for ever.
        if served and now - self._since >= _HELD_SECONDS and not isinstance(error, ProviderTimeout):
            self.worked(number)
        if served:
            self._lost = None if error.permanent else number
        self._circuits[number].failed(now, error)
