"""How fast a call's turns were answered: Vapi's performanceMetrics, in ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PARTS: Mapping[str, str] = {
    "modelLatency": "model",
    "voiceLatency": "voice",
    "transcriberLatency": "transcriber",
    "endpointingLatency": "endpointing",
    "fromTransportLatency": "jitter_buffer",
    "toTransportLatency": "playout",
    "turnLatency": "total",
}
"""Vapi's field → the part in the journal's `latency`."""


@dataclass(slots=True)
class Performance:
    """Grows by a turn at a time; averages are those of the turns whose parts are known."""

    turns: list[dict[str, float]] = field(default_factory=list)
    interruptions: int = 0
    _sums: dict[str, tuple[float, int]] = field(default_factory=dict)

    def turn(self, parts: Mapping[str, Any]) -> None:
        """A turn was answered."""
        known = {name: parts[part] for name, part in _PARTS.items() if _is_number(parts.get(part))}
        self.turns.append(known)
        for name, value in known.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)

    def metrics(self) -> dict[str, Any]:
        """As the artifact has it. The agent never speaks over the caller knowingly, so that is not counted."""
        averages = {f"{name}Average": round(total / count, 1) for name, (total, count) in self._sums.items()}
        return {"turnLatencies": self.turns, **averages, "numAssistantInterrupted": self.interruptions}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
