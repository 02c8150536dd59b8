"""The C play ring from Python, and what it must do said a second time, in terms of single samples."""

from __future__ import annotations

import ctypes
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.sip.bridge import TickFlag

FRAME = 160
FADE = 40
RING = 32000


class _Report(ctypes.Structure):
    _fields_ = [("utterance", ctypes.c_uint64), ("position", ctypes.c_uint32), ("flags", ctypes.c_uint32)]


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick gave."""

    frame: NDArray[np.int16]
    utterance: int
    position: int
    flags: TickFlag


def voice(utterance: int, positions: NDArray[np.int64]) -> NDArray[np.int16]:
    """Samples by which each place of each utterance can be told, never zero."""
    return (1000 + (utterance * 7919 + positions * 31) % 9000).astype(np.int16)


class PlayRing:
    """playout.h, one ring."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._ring = ctypes.create_string_buffer(1 << 17)
        self._frame = np.empty(FRAME, dtype=np.int16)
        library.playout_play.restype = ctypes.c_uint32
        library.playout_reset(self._ring)

    def play(self, utterance: int, offset: int, count: int, *, final: bool = False) -> int:
        return self.play_pcm(utterance, offset, voice(utterance, np.arange(offset, offset + count)), final=final)

    def play_pcm(self, utterance: int, offset: int, pcm: NDArray[np.int16], *, final: bool = False) -> int:
        """Samples of the test's own making."""
        samples = np.ascontiguousarray(pcm)
        accepted: int = self._library.playout_play(
            self._ring,
            ctypes.c_uint64(utterance),
            offset,
            ctypes.c_void_p(samples.ctypes.data),
            len(samples),
            ctypes.c_bool(final),
        )
        return accepted

    def pause(self) -> None:
        self._library.playout_pause(self._ring)

    def resume(self) -> None:
        self._library.playout_resume(self._ring)

    def flush(self) -> None:
        self._library.playout_flush(self._ring)

    def tick(self) -> Tick:
        report = _Report()
        self._library.playout_tick(self._ring, ctypes.c_void_p(self._frame.ctypes.data), ctypes.byref(report))
        return Tick(self._frame.copy(), report.utterance, report.position, TickFlag(report.flags))

    def idle(self) -> Tick:
        report = _Report()
        self._library.playout_idle(self._ring, ctypes.byref(report))
        return Tick(np.zeros(FRAME, dtype=np.int16), report.utterance, report.position, TickFlag(report.flags))


class Expectation:
    """Which samples may leave: a queue of (utterance, position)."""

    def __init__(self) -> None:
        self.queue: deque[tuple[int, int]] = deque()
        self.cut: deque[tuple[int, int]] = deque()
        self.accepted = self.sent = self.dropped = 0

    def played(self, utterance: int, offset: int, accepted: int) -> None:
        self.queue.extend((utterance, position) for position in range(offset, offset + accepted))
        self.accepted += accepted

    def flushed(self) -> None:
        """All may still leave in the next tick, as far as it fades out; nothing later."""
        self.cut = self.cut or self.queue.copy()
        self.dropped += len(self.queue)
        self.queue.clear()

    def take(self, tick: Tick) -> None:
        """Checks a tick: the next samples of one utterance, whole but for fades, then silence."""
        flushed = TickFlag.FLUSHED in tick.flags
        queue = self.cut if flushed else self.queue
        positions = []
        while queue and queue[0][0] == tick.utterance and queue[0][1] < tick.position:
            positions.append(queue.popleft()[1])
        count = len(positions)
        assert count <= (FADE if flushed else FRAME)
        original = voice(tick.utterance, np.array(positions, dtype=np.int64))
        sent = tick.frame[:count]
        assert ((sent >= 0) & (sent <= original)).all()
        assert (sent[FADE : count - FADE] == original[FADE : count - FADE]).all()
        assert not tick.frame[count:].any(), "samples that were never played"
        self.sent += count
        if flushed:
            self.dropped -= count
            self.cut.clear()
