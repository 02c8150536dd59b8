"""One thing that the agent says, from its announcement until it was heard or cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.media.audio import SAMPLE_BYTES


class PlayoutState(StrEnum):
    """Where an utterance is. Each ends exactly once: finished or cut."""

    QUEUED = "queued"
    PLAYING = "playing"
    PAUSED = "paused"
    FINISHED = "finished"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Report:
    """How much of an utterance has left in RTP.

    `at_ms` is the call clock, `position` and `underrun` are samples.
    """

    at_ms: int
    utterance: int
    position: int
    state: PlayoutState
    underrun: int


@dataclass(slots=True, eq=False)
class Utterance:
    """The audio of one utterance and how far it got.

    `pcm` is kept until the end, so that playout can go on from an earlier word border after a pause.
    `fed` counts the samples handed to the leg, `position` those it sent, `late` the samples of silence since audio
    was last sent, which become `underrun` only when more audio follows.
    """

    id: int
    text: str = ""
    interruptible: bool = True
    turn: int = 0
    pcm: bytearray = field(default_factory=bytearray)
    complete: bool = False
    closed: bool = False
    fed: int = 0
    position: int = 0
    late: int = 0
    underrun: int = 0
    state: PlayoutState = PlayoutState.QUEUED
    reported_ms: int = 0

    @property
    def total(self) -> int:
        """Samples received so far."""
        return len(self.pcm) // SAMPLE_BYTES

    @property
    def waiting(self) -> int:
        """Samples with the leg, not yet sent."""
        return self.fed - self.position

    @property
    def sent(self) -> bool:
        """Whether nothing of it is left to send."""
        return self.complete and self.position >= self.total

    def insert(self, offset: int, pcm: bytes) -> int:
        """Take in samples that start at `offset`; what came before stays, a hole becomes silence.

        :returns: samples added
        """
        before = self.total
        if offset > before:
            self.pcm += bytes((offset - before) * SAMPLE_BYTES)
        self.pcm += pcm[max(0, before - offset) * SAMPLE_BYTES : len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]
        return self.total - before

    def end_at(self, samples: int) -> None:
        """It ends there, and no more comes; `samples` are at least those that were fed."""
        del self.pcm[samples * SAMPLE_BYTES :]
        self.complete = True

    def piece(self, samples: int) -> bytes:
        """The next `samples` samples that the leg has not got."""
        start = self.fed * SAMPLE_BYTES
        return bytes(self.pcm[start : start + samples * SAMPLE_BYTES])

    def advance(self, position: int) -> bool:
        """Take over how much was sent; never backwards, never beyond what was fed.

        :returns: whether it moved
        """
        position = min(position, self.fed)
        if position <= self.position:
            return False
        self.position = position
        self.underrun += self.late
        self.late = 0
        return True

    def rewind(self, position: int) -> None:
        """Go back to `position` samples: what comes after it is fed again."""
        self.position = self.fed = min(position, self.position)
        self.closed = False
