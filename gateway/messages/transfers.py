"""Where a call was sent on, as its artifact tells: a row for each attempt, with what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

OUTCOMES: Final = frozenset({"connected", "no-answer", "busy", "voicemail", "failed", "completed", "cancelled"})
"""Vapi's; others are an attempt that goes on."""
FAILED: Final = OUTCOMES - {"connected", "completed"}


@dataclass(slots=True)
class Transfers:
    """Grows by an attempt, or by the outcome of the last one."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, data: Mapping[str, Any]) -> None:
        """A `transfer` event's data: status, destination, mode, detail."""
        status = str(data.get("status", ""))
        destination = data.get("destination")
        last = self.rows[-1] if self.rows else None
        ends = last is not None and status == "completed" and last.get("status") == "connected"
        if last is None or ("status" in last and not ends) or (destination and destination != last["destination"]):
            last = {"destination": destination or {}}
            self.rows.append(last)
        last |= {name: str(data[name]) for name in ("mode", "detail") if data.get(name)}
        if isinstance(transcript := data.get("transcript"), str):
            last["transcript"] = transcript
        if status in OUTCOMES:
            last["status"] = status
