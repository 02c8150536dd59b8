"""The latency of a turn, in parts that add up.

The whole runs from the caller's last speech to the first audio of the answer. Work is done early, inside the wait for
the end of the turn, so each part counts only what it adds after the parts before it:

    endpointing   last speech → the moment at which the endpointing rule alone takes the turn
    transcriber   → the last transcript of the turn, when it comes later than that
    model         → the first clause of the answer, when it comes later than all that
    voice         → the first audio of the answer sent to the gateway, whatever it waited for

Each moment is at least the one before it, and a part is the difference of two neighbours: work that was hidden by
speculation shows as 0. The gateway adds the part `playout` from its own clock.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class TurnLatency:
    """The moments of one turn in ms of the call clock, filled in as they come."""

    turn: int
    speech_end_ms: int
    due_ms: int
    transcript_ms: int
    clause_ms: int | None = None

    def parts(self, sent_ms: int) -> dict[str, int]:
        """The parts in ms, with the first audio sent at `sent_ms`; they add up to `sent_ms - speech_end_ms`."""
        start = min(self.speech_end_ms, sent_ms)
        due = _between(start, self.due_ms, sent_ms)
        transcript = _between(due, self.transcript_ms, sent_ms)
        clause = _between(transcript, self.clause_ms if self.clause_ms is not None else transcript, sent_ms)
        return {
            "endpointing": due - start,
            "transcriber": transcript - due,
            "model": clause - transcript,
            "voice": sent_ms - clause,
        }


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))
