"""The play ring of a leg whose clock is ours: PCM of utterances, taken 20 ms at a time.

The rules are those of the SIP legs' ring (gateway/sip/native/bridge/playout.h): one utterance sounds per tick; a break
inside an utterance fades out before and in after, over 5 ms, and samples of a fade count as sent. Pure.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.media.audio import FRAME_SAMPLES, SAMPLE_RATE

FADE_SAMPLES = 40
CAPACITY = 4 * SAMPLE_RATE
"""Samples."""

Samples = NDArray[np.int16]
_NONE: Samples = np.zeros(0, np.int16)


@dataclass(frozen=True, slots=True)
class Played:
    """What one tick sends: 320 bytes of PCM, and which utterance they are of (0: none), sent up to `position`."""

    pcm: bytes
    utterance: int = 0
    position: int = 0
    finished: bool = False
    underrun: bool = False
    paused: bool = False


@dataclass(slots=True)
class _Run:
    """Consecutive samples of an utterance, the next of which is its sample `position`."""

    utterance: int
    position: int
    samples: Samples = field(default_factory=lambda: _NONE)
    final: bool = False

    def take(self, count: int) -> Samples:
        taken, self.samples = self.samples[:count], self.samples[count:]
        self.position += len(taken)
        return taken


class PlayRing:
    """At most four seconds of what the agent says."""

    def __init__(self) -> None:
        self._runs: deque[_Run] = deque()
        self._pausing = False
        self._paused = False
        self._sounding: tuple[int, int] | None = None
        """Where the last tick left off at full level."""
        self._cut: tuple[Samples, int, int] | None = None

    @property
    def queued(self) -> int:
        """Samples that wait."""
        return sum(len(run.samples) for run in self._runs)

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        """Queue samples of an utterance, the first of which is its sample `offset`; returns how many fitted."""
        samples = np.frombuffer(pcm, np.int16)[: max(0, CAPACITY - self.queued)]
        ends = final and len(samples) * 2 == len(pcm)
        run = self._runs[-1] if self._runs else None
        if run is None or run.final or run.utterance != utterance or run.position + len(run.samples) != offset:
            if not len(samples) and not ends:
                return 0
            run = _Run(utterance, offset)
            self._runs.append(run)
        run.samples = np.concatenate((run.samples, samples))
        run.final = ends
        return len(samples)

    def pause(self) -> None:
        """Fade out at the next tick and keep what is queued."""
        self._pausing = not self._paused

    def resume(self) -> None:
        """Fade in at the next tick."""
        self._pausing = self._paused = False

    def flush(self) -> None:
        """Fade out at the next tick and drop what is queued; ends a pause."""
        if self._runs and self._cut is None:
            run = self._runs[0]
            audible = not self._paused and self._sounding == (run.utterance, run.position)
            tail = _faded_out(run.take(FADE_SAMPLES if audible else 0))
            self._cut = tail, run.utterance, run.position
        self._runs.clear()
        self.resume()

    def tick(self) -> Played:
        """The next 20 ms."""
        if self._cut is not None:
            (tail, utterance, position), self._cut, self._sounding = self._cut, None, None
            self._settle()
            return Played(_frame(tail), utterance, position, paused=self._paused)
        run = self._next()
        if run is not None and not self._paused:
            return self._take(run)
        self._settle()
        self._sounding = None
        return Played(_frame(_NONE), run.utterance if run else 0, run.position if run else 0, paused=self._paused)

    def _next(self) -> _Run | None:
        """An utterance that starved and never came back has had its turn once another one waits."""
        while len(self._runs) > 1 and not len(self._runs[0].samples) and not self._runs[0].final:
            self._runs.popleft()
        return self._runs[0] if self._runs else None

    def _take(self, run: _Run) -> Played:
        at, pausing = (run.utterance, run.position), self._pausing
        wanted = FRAME_SAMPLES if not pausing else FADE_SAMPLES if self._sounding == at else 0
        broken = run.position > 0 and self._sounding != at
        samples = run.take(wanted)
        starved = not pausing and len(samples) < FRAME_SAMPLES and not run.final and len(self._runs) == 1
        if broken:
            samples = _faded_in(samples)
        if pausing or starved:
            samples = _faded_out(samples)
        self._settle()
        self._sounding = (run.utterance, run.position) if len(samples) == FRAME_SAMPLES else None
        finished = run.final and not len(run.samples)
        if finished:
            self._runs.popleft()
        return Played(
            _frame(samples), run.utterance, run.position, finished=finished, underrun=starved, paused=self._paused
        )

    def _settle(self) -> None:
        if self._pausing:
            self._pausing, self._paused = False, True


def _frame(samples: Samples) -> bytes:
    frame = np.zeros(FRAME_SAMPLES, np.int16)
    frame[: len(samples)] = samples
    return frame.tobytes()


def _faded_in(samples: Samples) -> Samples:
    count = min(len(samples), FADE_SAMPLES)
    return _scaled(samples, 0, np.arange(count))


def _faded_out(samples: Samples) -> Samples:
    count = min(len(samples), FADE_SAMPLES)
    return _scaled(samples, len(samples) - count, np.arange(count)[::-1])


def _scaled(samples: Samples, start: int, steps: NDArray[np.int64]) -> Samples:
    """Samples from `start` on, times steps / len(steps)."""
    faded = samples.copy()
    end = start + len(steps)
    faded[start:end] = np.trunc(faded[start:end] * steps / max(1, len(steps))).astype(np.int16)
    return faded
