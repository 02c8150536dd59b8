"""The hosts behind one name of a registrar, and which of them is used. No clock, no stack inside: times are seconds of
a monotonic clock that the caller reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.trunk.choice import in_order

AVOIDED_SECONDS = 120.0
"""For how long a host that failed is not tried, so that a refresh or two later the first host is in use again."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address, and its rank as in an SRV record (RFC 2782)."""

    address: str
    port: int
    priority: int = 0
    weight: int = 0


@dataclass(slots=True)
class Targets:
    """What a name stands for (RFC 3263), and who of them failed. What was found last stays until more is found."""

    known: Sequence[Target] = ()
    _avoided: dict[tuple[str, int], float] = field(default_factory=dict)

    def renew(self, found: Sequence[Target]) -> None:
        """The name was looked up again."""
        self.known = tuple(found)
        places = {(one.address, one.port) for one in found}
        self._avoided = {place: until for place, until in self._avoided.items() if place in places}

    def choose(self, current: Target | None, *, now: float, chance: Callable[[], float]) -> Target | None:
        """The host to use: the current one unless a better one is well again, or it is not well itself."""
        well = self._well(now) or list(self.known)
        if not well:
            return None
        best = min(one.priority for one in well)
        if current in well and current is not None and current.priority == best:
            return current
        return in_order(well, chance)[0]

    def failed(self, target: Target, *, now: float) -> bool:
        """A host did not answer, or said that it cannot; returns whether there is another to be tried at once."""
        self._avoided[target.address, target.port] = now + AVOIDED_SECONDS
        return bool(self._well(now))

    def has_another(self, target: Target, *, now: float) -> bool:
        """Whether a host that is well stands beside this one."""
        return any(one != target for one in self._well(now))

    def _well(self, now: float) -> list[Target]:
        return [one for one in self.known if self._avoided.get((one.address, one.port), 0.0) <= now]
