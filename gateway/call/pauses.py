"""Pauses of playout by the caller's speech, each decided exactly once: by the worker, or by its deadline. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.media.playout import Playout

DECIDE_MS = 800
"""From the caller's onset to the cut, when the worker says nothing. The agent is silent meanwhile: a cut may come late,
for nobody hears the difference, but a resume should not."""


class Decision(StrEnum):
    """What became of a pause."""

    CUT = "cut"
    RESUME = "resume"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause; times are ms of the call clock, `position` samples."""

    number: int
    onset_ms: int
    at_ms: int
    utterance: int
    position: int
    decide_by_ms: int


class Pauses:
    """The pauses of one call."""

    def __init__(self, playout: Playout) -> None:
        self.pending: Pause | None = None
        self._playout = playout
        self._count = 0

    def begin(self, utterance: int, position: int, *, onset_ms: int, at_ms: int) -> Pause | None:
        """The leg paused. None when the pause does not stand: that utterance may not be paused, or is over."""
        if not self._playout.on_pause(utterance, position, at_ms):
            return None
        self._count += 1
        self.pending = Pause(self._count, onset_ms, at_ms, utterance, position, onset_ms + DECIDE_MS)
        return self.pending

    def decide(self, number: int, decision: Decision, resume_from: int = 0) -> bool:
        """Carry out a decision. False when that pause is over: cut, timed out, or hung over by a later one."""
        pending = self.pending
        if pending is None or pending.number != number:
            return False
        self.pending = None
        if decision is Decision.RESUME:
            self._playout.resume(resume_from)
        else:
            # What waits behind the paused utterance belongs to the same answer.
            self._playout.cut(self._playout.highest)
        return True

    def overtaken(self) -> Pause | None:
        """The pause that ended without a decision, because its utterance was cut otherwise."""
        if self.pending is None or self._playout.paused:
            return None
        pause, self.pending = self.pending, None
        return pause

    def late(self, now_ms: int) -> Pause | None:
        """The pause whose deadline has come; playout is cut."""
        pending = self.pending
        if pending is None or now_ms < pending.decide_by_ms:
            return None
        self.decide(pending.number, Decision.TIMEOUT)
        return pending
