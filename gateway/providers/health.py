"""The health of the providers, one book per process: what failed for one call is not tried again by the next.

Each provider has a circuit (Nygard, "Release It!", 2007). Closed, it is used. After failures in a row it opens, and is
skipped. When its time is up one call tries it, and only one: success closes it, failure opens it for twice as long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from gateway.errors import ProviderError
from gateway.providers.usage import Stage

State = Literal["closed", "open", "half-open"]

_LONGEST_OPEN_SECONDS = 300.0
_PERMANENT_SECONDS = 60.0
"""A wrong key or an empty account does not mend itself in seconds."""
_PROBE_SECONDS = 15.0
"""A call that tries an open circuit and never tells what came of it does not keep it shut."""
_KEPT = 50
_ENOUGH = 8
"""First results that a percentile needs."""


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """:param failures: in a row that open a circuit
    :param open_seconds: for the first time; doubled each time that the trial fails"""

    failures: int = 3
    open_seconds: float = 10.0


@dataclass(slots=True)
class Circuit:
    """The health of one provider. Times are seconds of any steady clock."""

    stage: Stage
    name: str
    rules: CircuitRules = CircuitRules()
    successes: int = 0
    failures: int = 0
    last_error: str = ""
    _in_a_row: int = 0
    _open_until: float | None = None
    _open_for: float = 0.0
    _probe_until: float | None = None
    _first_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def state(self, now: float) -> State:
        """Closed: in use. Open: skipped. Half-open: one call may try it."""
        if self._open_until is None:
            return "closed"
        return "open" if now < self._open_until else "half-open"

    def admits(self, now: float) -> bool:
        """Whether a call may use it now. Of a half-open circuit the one that is told yes must tell what came of it."""
        match self.state(now):
            case "closed":
                return True
            case "open":
                return False
        if self._probe_until is not None and now < self._probe_until:
            return False
        self._probe_until = now + _PROBE_SECONDS
        return True

    def succeeded(self, first_ms: float | None = None) -> None:
        """It did what it should; `first_ms` is how long the first result took."""
        self.successes += 1
        self._in_a_row, self._open_until, self._open_for, self._probe_until = 0, None, 0.0, None
        if first_ms is not None:
            self._first_ms.append(first_ms)

    def failed(self, now: float, error: ProviderError) -> None:
        """It failed. What the request itself is to blame for (bad request) must not be told here."""
        self.failures += 1
        self._in_a_row += 1
        self.last_error = str(error)
        tried = self._probe_until is not None
        if not (tried or error.permanent or error.retry_after is not None or self._in_a_row >= self.rules.failures):
            return
        self._open_for = min(_LONGEST_OPEN_SECONDS, 2 * self._open_for if tried else self.rules.open_seconds)
        if error.permanent:
            self._open_for = max(self._open_for, _PERMANENT_SECONDS)
        self._open_until = now + max(self._open_for, error.retry_after or 0.0)
        self._probe_until = None

    @property
    def first_ms_p95(self) -> float | None:
        """The 95th percentile of its latest first results, ms; None while there are few."""
        if len(self._first_ms) < _ENOUGH:
            return None
        ordered = sorted(self._first_ms)
        return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]


class Health:
    """The circuits of this process's providers."""

    def __init__(self, rules: CircuitRules | None = None) -> None:
        self._rules = rules or CircuitRules()
        self._circuits: dict[tuple[Stage, str], Circuit] = {}

    def circuit(self, stage: Stage, name: str) -> Circuit:
        """The circuit of a provider, closed at first. The name says provider, model and address, so that calls share
        it only where they would share the failure."""
        return self._circuits.setdefault((stage, name), Circuit(stage, name, self._rules))

    def __iter__(self) -> Iterator[Circuit]:
        return iter(self._circuits.values())
