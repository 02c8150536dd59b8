"""A turn's latency: the worker knows its parts, the gateway knows when the first sample left. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

PARTS: Final = ("endpointing", "transcriber", "model", "voice")
"""What the worker measures, ms; the gateway adds `playout`."""


class TurnLatencies:
    """Joins both sides of each turn.

    :param complete: told of a turn once it is known in full: with `playout` and `total`, ms
    """

    def __init__(self, complete: Callable[[dict[str, Any]], None]) -> None:
        self._complete = complete
        self._parts: dict[int, dict[str, Any]] = {}
        self._first_sent: dict[int, int] = {}

    def parts(self, data: Mapping[str, Any]) -> None:
        """The worker's parts of a turn: `turn`, `speech_end_ms`, and ms by part. The first of a turn counts."""
        turn = data.get("turn")
        if isinstance(turn, int) and turn not in self._parts:
            self._parts[turn] = dict(data)
            self._join(turn)

    def sent(self, turn: int, at_ms: int) -> None:
        """A sample of the turn left in the tick at `at_ms`; the first of a turn counts."""
        if turn and turn not in self._first_sent:
            self._first_sent[turn] = at_ms
            self._join(turn)

    def close(self) -> list[dict[str, Any]]:
        """Parts of turns of which nothing was ever sent."""
        return [data for turn, data in self._parts.items() if turn not in self._first_sent]

    def _join(self, turn: int) -> None:
        if turn not in self._parts or turn not in self._first_sent:
            return
        data = self._parts[turn]
        total = self._first_sent[turn] - data.get("speech_end_ms", 0)
        parts = {part: data.get(part, 0) for part in PARTS}
        parts["playout"] = total - sum(parts.values())
        self._complete({**data, **_settled(parts), "total": total})


def _settled(parts: dict[str, int]) -> dict[str, int]:
    """Parts of which none is negative, with the same sum: the worker only estimates the call clock between ticks, and
    what it saw a few ms too late is taken off the last part that has it."""
    missing = 0
    for part in reversed(parts):
        value = parts[part] + missing
        missing = min(0, value)
        parts[part] = max(0, value)
    return parts
