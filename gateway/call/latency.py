"""A turn's latency, from wire to wire: the worker knows its parts, the gateway what was before and after. Pure.

    jitter_buffer  the caller's last speech arrived in RTP → its tick of the call clock
    endpointing, transcriber, model, voice   as `gateway.conversation.latency` says
    playout        the first audio left the worker → it left in RTP

What the voice leaves silent before its first sound belongs to `voice`: the caller waits for the sound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

PARTS: Final = ("endpointing", "transcriber", "model", "voice")
"""What the worker measures, ms."""
ALL_PARTS: Final = ("jitter_buffer", *PARTS, "playout")
"""In the order of time; they add up to `total`."""


class TurnLatencies:
    """Joins both sides of each turn.

    :param complete: told of a turn once it is known in full: with all parts and `total`, ms
    """

    def __init__(self, complete: Callable[[dict[str, Any]], None]) -> None:
        self._complete = complete
        self._parts: dict[int, dict[str, Any]] = {}
        self._sent: dict[int, tuple[int, int]] = {}

    def parts(self, data: Mapping[str, Any], *, waited_ms: float = 0) -> None:
        """The worker's parts of a turn: `turn`, `speech_end_ms`, and ms by part; and how long its last speech had
        waited for its tick. The first of a turn counts."""
        turn = data.get("turn")
        if isinstance(turn, int) and turn not in self._parts:
            self._parts[turn] = {**data, "jitter_buffer": round(waited_ms)}
            self._join(turn)

    def sent(self, turn: int, at_ms: int, *, silent_ms: int = 0) -> None:
        """A sample of the turn left in the tick that ended at `at_ms`, and the first sound `silent_ms` later; the first
        of a turn counts."""
        if turn and turn not in self._sent:
            self._sent[turn] = (at_ms, silent_ms)
            self._join(turn)

    def close(self) -> list[dict[str, Any]]:
        """Parts of turns of which nothing was ever sent."""
        return [data for turn, data in self._parts.items() if turn not in self._sent]

    def _join(self, turn: int) -> None:
        if turn not in self._parts or turn not in self._sent:
            return
        data, (sent_ms, silent_ms) = self._parts[turn], self._sent[turn]
        parts = {part: data.get(part, 0) for part in PARTS}
        parts["playout"] = sent_ms - data.get("speech_end_ms", 0) - sum(parts.values())
        parts = {"jitter_buffer": data["jitter_buffer"], **_settled(parts)}
        parts["voice"] += silent_ms
        self._complete({**data, **parts, "total": sum(parts.values())})


def _settled(parts: dict[str, int]) -> dict[str, int]:
    """Parts of which none is negative, with the same sum: the worker only estimates the call clock between ticks, and
    what it saw a few ms too late is taken off the last part that has it."""
    missing = 0
    for part in reversed(parts):
        value = parts[part] + missing
        missing = min(0, value)
        parts[part] = max(0, value)
    return parts
