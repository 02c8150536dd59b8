"""The health of the providers, one book per process: what failed for one call is not tried again by the next.

Each provider has a circuit (Nygard, "Release It!", 2007). Closed, it is used. After failures in a row it opens, and is
skipped. When its time is up one call tries it, and only one: success closes it, failure opens it for twice as long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import structlog

from gateway.errors import ProviderBadRequest, ProviderError
from gateway.providers.usage import Stage

State = Literal["closed", "open", "half-open"]

_LONGEST_OPEN_SECONDS = 300.0
_LONGEST_ASKED_SECONDS = 3600.0
"""A Retry-After beyond this is more likely to be a mistake than a wish."""
_PERMANENT_SECONDS = 60.0
"""A wrong key or an empty account does not mend itself in seconds."""
_PROBE_SECONDS = 15.0
"""A call that tries an open circuit and never tells what came of it does not keep it shut."""
_KEPT = 50
_ENOUGH = 8
"""First results that a percentile needs."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """:param failures: in a row that open a circuit
    :param open_seconds: for the first time; doubled each time that the trial fails"""

    failures: int = 3
    open_seconds: float = 10.0


def _unwatched(circuit: Circuit, seconds: float) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class Circuit:
    """The health of one provider. Times are seconds of any steady clock.

    :param changed: told once each time that it opens, with the seconds for which, or closes, with 0
    """

    stage: Stage
    name: str
    rules: CircuitRules = CircuitRules()
    changed: Callable[[Circuit, float], None] = _unwatched
    successes: int = 0
    failures: int = 0
    last_error: str = ""
    last_failure: ProviderError | None = None
    _in_a_row: int = 0
    _open_until: float | None = None
    _open_for: float = 0.0
    _asked_until: float = 0.0
    _probe_until: float | None = None
    _first_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def state(self, now: float) -> State:
        """Closed: in use. Open: skipped. Half-open: one call may try it."""
        if self._open_until is None:
            return "closed"
        return "open" if now < self._open_until else "half-open"

    def open_seconds(self, now: float) -> float:
        """For how much longer it is skipped."""
        return max(0.0, self._open_until - now) if self._open_until is not None else 0.0

    def left_alone(self, now: float) -> bool:
        """The provider asked to be (Retry-After): it is not even a last resort."""
        return now < self._asked_until

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
        was_open = self._open_until is not None
        self.successes += 1
        self._in_a_row, self._open_until, self._open_for, self._probe_until = 0, None, 0.0, None
        self._asked_until = 0.0
        if first_ms is not None:
            self._first_ms.append(first_ms)
        if was_open:
            self.changed(self, 0.0)

    def failed(self, now: float, error: ProviderError) -> None:
        """It failed. What the request itself is to blame for (bad request) does not count."""
        if isinstance(error, ProviderBadRequest):
            self.abandoned()
            return
        self.failures += 1
        self._in_a_row += 1
        self.last_error, self.last_failure = str(error), error
        if error.retry_after is not None:
            self._asked_until = now + min(error.retry_after, _LONGEST_ASKED_SECONDS)
        if self.state(now) == "open":  # by a call that began earlier, or as a last resort: known already
            self._open_until = max(self._open_until or 0.0, self._asked_until)
            return
        if seconds := self._sentence(now, error):
            self._open_for = min(_LONGEST_OPEN_SECONDS, seconds)
            self._open_until, self._probe_until = now + seconds, None
            self.changed(self, seconds)

    def _sentence(self, now: float, error: ProviderError) -> float:
        """For how long a failure opens it; 0 when it stays closed."""
        seconds = 0.0
        if self._open_until is not None:
            seconds = min(_LONGEST_OPEN_SECONDS, max(2 * self._open_for, self.rules.open_seconds))
        elif self._in_a_row >= self.rules.failures:
            seconds = self.rules.open_seconds
        if error.permanent:
            seconds = max(seconds, _PERMANENT_SECONDS)
        return max(seconds, self._asked_until - now)

    def abandoned(self) -> None:
        """The call that was to try it will not find out: the next one may."""
        self._probe_until = None

    def late(self, first_ms: float) -> None:
        """A first result had not come by then, when somebody else's was taken."""
        self._first_ms.append(first_ms)

    @property
    def first_ms_p50(self) -> float | None:
        """The median of its latest first results, ms; None while there are few."""
        return self._percentile(0.5)

    @property
    def first_ms_p95(self) -> float | None:
        """The 95th percentile of its latest first results, ms; None while there are few."""
        return self._percentile(0.95)

    def _percentile(self, share: float) -> float | None:
        if len(self._first_ms) < _ENOUGH:
            return None
        return sorted(self._first_ms)[round(share * (len(self._first_ms) - 1))]


class Health:
    """The circuits of this process's providers."""

    def __init__(self, rules: CircuitRules | None = None) -> None:
        self._rules = rules or CircuitRules()
        self._circuits: dict[tuple[Stage, str], Circuit] = {}

    def circuit(self, stage: Stage, name: str) -> Circuit:
        """The circuit of a provider, closed at first. The name says provider, model and address, so that calls share
        it only where they would share the failure."""
        return self._circuits.setdefault((stage, name), Circuit(stage, name, self._rules, _log_change))

    def __iter__(self) -> Iterator[Circuit]:
        return iter(list(self._circuits.values()))  # others may be added in another thread


def _log_change(circuit: Circuit, seconds: float) -> None:
    if seconds:
        logger.warning(
            "provider out of use",
            stage=circuit.stage,
            provider=circuit.name,
            seconds=round(seconds, 1),
            error=circuit.last_error,
        )
    else:
        logger.info("provider in use again", stage=circuit.stage, provider=circuit.name)
