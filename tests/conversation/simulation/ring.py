"""The play ring of a leg, counting samples instead of keeping them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from gateway.media.audio import FRAME_SAMPLES, SAMPLE_BYTES

CAPACITY = 32_000
"""Samples: 4 s."""


@dataclass(slots=True)
class _Run:
    """Consecutive samples of one utterance."""

    utterance: int
    position: int
    waiting: int
    final: bool


class CountingRing:
    """Implements `Sink` with the rules of the C bridge: one utterance per tick, a flush takes a tick."""

    def __init__(self) -> None:
        self.paused = False
        self.armed = False
        self._runs: deque[_Run] = deque()
        self._flushed: _Run | None = None

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        samples = len(pcm) // SAMPLE_BYTES
        accepted = min(samples, CAPACITY - sum(run.waiting for run in self._runs))
        ends = final and accepted == samples
        last = self._runs[-1] if self._runs else None
        goes_on = last and last.utterance == utterance and not last.final and last.position + last.waiting == offset
        if last is None or not goes_on:
            if not accepted and not ends:
                return 0
            last = _Run(utterance, offset, 0, False)
            self._runs.append(last)
        last.waiting += accepted
        last.final = ends
        return accepted

    def arm_pause(self, armed: bool) -> None:
        self.armed = armed

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def flush(self) -> None:
        if self._runs and self._flushed is None:
            self._flushed = self._runs[0]
        self._runs.clear()
        self.paused = False

    def tick(self) -> tuple[int, int, int]:
        """One frame: utterance, position after it, samples sent in it."""
        if self._flushed is not None:
            cut, self._flushed = self._flushed, None
            return cut.utterance, cut.position, 0
        while len(self._runs) > 1 and not self._runs[0].waiting and not self._runs[0].final:
            self._runs.popleft()
        if not self._runs:
            return 0, 0, 0
        head = self._runs[0]
        if self.paused:
            return head.utterance, head.position, 0
        sent = min(FRAME_SAMPLES, head.waiting)
        head.position += sent
        head.waiting -= sent
        if head.final and not head.waiting:
            self._runs.popleft()
        return head.utterance, head.position, sent
