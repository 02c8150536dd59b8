"""How long the humans of a call's transfers were on the line, by which trunk, and what was used of providers for them.

Pure: it grows by the entries of the call's journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from gateway.call.transfer.life import Status
from gateway.providers.usage import Usage, read_usage

_OVER: Final = frozenset(Status) - {Status.CONNECTED}


@dataclass(slots=True)
class SecondLeg:
    """From its answer to its end, ms of the call clock; `end_ms` is None while it lives."""

    trunk: str | None
    begin_ms: int
    end_ms: int | None = None


@dataclass(slots=True)
class SecondLegs:
    """Of one call. Only those that were answered are counted, as of every line."""

    legs: list[SecondLeg] = field(default_factory=list)
    _usage: dict[str, list[Usage]] = field(default_factory=dict)

    def tell(self, data: Mapping[str, Any], at_ms: int) -> None:
        """A `transfer` entry."""
        status = str(data.get("status", ""))
        last = self.legs[-1] if self.legs else None
        if status == "answered":
            self.legs.append(SecondLeg(data.get("trunk"), at_ms))
        elif status in _OVER and last is not None and last.end_ms is None:
            last.end_ms = at_ms

    def used(self, data: Mapping[str, Any]) -> None:
        """A `transfer-usage` entry: all that one conversation, or message, has used until then."""
        rows = data.get("rows")
        known = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        self._usage[str(data.get("of", ""))] = [read_usage(row) for row in known if row.keys() >= {"stage", "provider"}]

    @property
    def usage(self) -> list[Usage]:
        """Of all of them."""
        return [usage for usages in self._usage.values() for usage in usages]

    def lines(self, now_ms: int) -> list[tuple[str | None, Decimal]]:
        """The trunk and the seconds of each; one that lives was there until now."""
        return [
            (leg.trunk, Decimal(max(0, (now_ms if leg.end_ms is None else leg.end_ms) - leg.begin_ms)) / 1000)
            for leg in self.legs
        ]
