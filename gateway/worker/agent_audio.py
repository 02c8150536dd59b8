"""What the agent sounded like on the line, by call clock: a worker knows the audio that it sent, and the gateway tells
which samples of it left when. So the two can be laid side by side with the caller's audio, to the sample."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.media.audio import FRAME_SAMPLES, SAMPLE_BYTES, SAMPLE_RATE

Wave = npt.NDArray[np.float32]

_KEPT = 2 * SAMPLE_RATE
_FOREVER = 1 << 62


@dataclass(slots=True)
class _Run:
    """Samples [start, end) of the call held an utterance, whose sample 0 fell on `origin`."""

    utterance: int
    origin: int
    start: int
    end: int = _FOREVER


class AgentAudio:
    """The last two seconds of the agent. Places are samples of the call clock (8000 Hz)."""

    def __init__(self) -> None:
        self._pcm: dict[int, bytearray] = {}
        self._runs: deque[_Run] = deque()
        self._told = 0
        self.holds_floor = False
        """Something plays, or is paused."""
        self.paused = False

    def said(self, utterance: int, offset: int, pcm: bytes) -> None:
        """Audio of an utterance from sample `offset` went to the gateway."""
        kept = self._pcm.setdefault(utterance, bytearray())
        start = offset * SAMPLE_BYTES
        kept.extend(bytes(max(0, start - len(kept))))
        kept[start:] = pcm

    def playing(self, utterance: int, position: int, at: int) -> None:
        """By `at`, `position` samples of an utterance had left, and the next ones follow."""
        self.holds_floor, self.paused = True, False
        run = self._runs[-1] if self._runs else None
        if run is not None and (run.utterance, run.origin, run.end) == (utterance, at - position, _FOREVER):
            self._told = at
            return
        # A report tells late that playout moved: it has been so since the report before at the earliest.
        start = max(at - position, self._told, at - _KEPT)
        self._close(start)
        self._runs.append(_Run(utterance, at - position, start))
        self._told = at

    def stopped(self, utterance: int, position: int, at: int, *, paused: bool) -> None:
        """By `at`, an utterance had been sent up to `position`, and no more of it follows."""
        run = self._runs[-1] if self._runs else None
        if run is not None and run.utterance == utterance and run.end == _FOREVER:
            run.end = min(max(run.start, run.origin + position), at + FRAME_SAMPLES)
        elif position and not paused and self._told < at:
            self._runs.append(_Run(utterance, at - position, max(at - position, self._told), at))
        self._told = max(self._told, at)
        self.holds_floor = self.paused = paused
        self._forget(at - _KEPT)

    def sounded(self, start: int, end: int) -> bool:
        """Whether anything of the agent fell into [start, end)."""
        return any(run.start < end and run.end > start for run in self._runs)

    def cut(self, start: int, end: int) -> Wave:
        """The agent's samples of [start, end), zero where it was silent."""
        wave = np.zeros(end - start, dtype=np.float32)
        for run in self._runs:
            first, last = max(start, run.start), min(end, run.end)
            if first < last:
                pcm = self._pcm.get(run.utterance, b"")
                piece = pcm[(first - run.origin) * SAMPLE_BYTES : (last - run.origin) * SAMPLE_BYTES]
                samples = np.frombuffer(bytes(piece), dtype="<i2")
                wave[first - start : first - start + len(samples)] = samples
        return wave

    def _close(self, at: int) -> None:
        if self._runs and self._runs[-1].end > at:
            self._runs[-1].end = max(self._runs[-1].start, at)

    def _forget(self, before: int) -> None:
        """Drop what nobody will ask for: audio is kept while it may still be sent."""
        while len(self._runs) > 1 and self._runs[0].end < before:
            self._runs.popleft()
        if self._runs:
            first = min(run.utterance for run in self._runs)
            self._pcm = {utterance: pcm for utterance, pcm in self._pcm.items() if utterance >= first}
