"""A pause and its decision through the real playout queue and the real C ring: what the caller hears of it."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.call.leg import LegFrame
from gateway.call.pauses import Decision, Pauses
from gateway.media.audio import FRAME_BYTES, FRAME_MS, SAMPLE_RATE
from gateway.media.playout import Playout
from gateway.sip.bridge import TickFlag
from tests.sip.native.play_ring import FADE, PlayRing

LENGTH = 8000
BORDER = 1300
TONE = (8000 * np.sin(2 * np.pi * 300 * (np.arange(LENGTH) + 0.5) / SAMPLE_RATE)).astype(np.int16)
"""300 Hz: loud wherever it is cut, and smooth."""
SMOOTH = 1.1 * float(np.max(np.abs(np.diff(TONE.astype(np.int64)))))


class Line:
    """A playout and its ring; `heard` is what went out, tick by tick."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.ring = PlayRing(library)
        self.playout = Playout(self, lambda report: None)
        self.pauses = Pauses(self.playout)
        self.heard: list[NDArray[np.int16]] = []
        self.position = 0

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        return self.ring.play_pcm(utterance, offset, np.frombuffer(pcm, dtype="<i2"), final=final)

    def arm_pause(self, armed: bool) -> None:
        """The test is the detector."""

    def pause(self) -> None:
        self.ring.pause()

    def resume(self) -> None:
        self.ring.resume()

    def flush(self) -> None:
        self.ring.flush()

    def ticks(self, count: int) -> None:
        for _ in range(count):
            tick = self.ring.tick()
            number, flags = len(self.heard), tick.flags
            self.heard.append(tick.frame)
            self.position = tick.position
            silence = bytes(FRAME_BYTES)
            self.playout.on_frame(
                LegFrame(
                    number,
                    0,
                    silence,
                    tick.frame.tobytes(),
                    tick.utterance,
                    tick.position,
                    True,
                    False,
                    TickFlag.FINISHED in flags,
                    TickFlag.UNDERRUN in flags,
                    TickFlag.PAUSED in flags,
                )
            )

    def caller_speaks(self) -> None:
        self.ring.pause()
        assert self.pauses.begin(1, self.position, onset_ms=self.now, at_ms=self.now)

    @property
    def now(self) -> int:
        return len(self.heard) * FRAME_MS

    @property
    def wave(self) -> NDArray[np.int64]:
        return np.concatenate(self.heard).astype(np.int64)


@pytest.fixture
def paused(rings: ctypes.CDLL) -> Line:
    """Ten ticks of a tone, then the caller speaks, and half a second passes."""
    line = Line(rings)
    line.playout.announce(1)
    line.playout.audio(1, 0, TONE.tobytes(), final=True)
    line.ticks(10)
    line.caller_speaks()
    line.ticks(25)
    return line


def test_a_rejected_pause_is_heard_as_silence_between_two_fades(paused: Line) -> None:
    resumed_at = len(paused.wave)
    assert paused.pauses.decide(1, Decision.RESUME, BORDER)
    paused.ticks(60)
    assert np.max(np.abs(np.diff(paused.wave))) <= SMOOTH, "a click"
    assert not paused.wave[1600 + FADE : resumed_at].any()
    after = paused.wave[resumed_at:]
    begin = int(np.flatnonzero(after)[0]) // 160 * 160
    assert begin <= 160, "one tick for the flush, then the word"
    assert after[begin + FADE : begin + LENGTH - BORDER].tolist() == TONE[BORDER + FADE :].tolist()
    assert np.max(np.abs(after[begin : begin + FADE // 4])) < 4000


def test_a_confirmed_pause_is_never_heard_again(paused: Line) -> None:
    assert paused.pauses.decide(1, Decision.CUT)
    paused.ticks(20)
    assert np.max(np.abs(np.diff(paused.wave))) <= SMOOTH, "a click"
    assert not paused.wave[1600 + FADE :].any()
    assert paused.playout.idle
