"""Named moments of the call clock at which a state machine wants to look again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(slots=True)
class Timers:
    """At most one moment per name."""

    _at: dict[str, int] = field(default_factory=dict)

    def set(self, name: str, at: int) -> None:
        """(Re)arm a timer."""
        self._at[name] = at

    def clear(self, name: str) -> None:
        """Disarm a timer; harmless when it is not armed."""
        self._at.pop(name, None)

    def keep(self, names: Collection[str]) -> None:
        """Disarm all others."""
        for name in [name for name in self._at if name not in names]:
            del self._at[name]

    def pop_due(self, now: int) -> str | None:
        """Disarm and name the earliest timer that is due, None when none is."""
        if not self._at:
            return None
        name = min(self._at, key=self._at.__getitem__)
        if self._at[name] > now:
            return None
        del self._at[name]
        return name

    def __contains__(self, name: str) -> bool:
        return name in self._at

    @property
    def names(self) -> frozenset[str]:
        """All that are armed."""
        return frozenset(self._at)

    @property
    def next(self) -> int | None:
        """The earliest moment, None when no timer is armed."""
        return min(self._at.values(), default=None)
