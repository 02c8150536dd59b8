"""The gateway's side of one call in virtual time: the real fast VAD, playout and pauses around a ring in memory."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from gateway.call.leg import LegFrame
from gateway.call.pauses import Decision, Pause, Pauses
from gateway.media.audio import FRAME_MS, FRAME_SAMPLES
from gateway.media.fast_vad import SILENCE_DB
from gateway.media.playout import Playout
from gateway.media.utterance import Report
from gateway.sip.bridge import TickFlag
from gateway.sip.media_thread import Bridge, MediaLeg, MediaThread, Record
from tests.call.leg_double import Ring


class _PausedRing:
    """What `MediaThread` does to the bridge."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def pause(self, leg: int) -> None:
        self._ring.pause()


class Gateway:
    """Ticks when told. `on_frame`, `on_report` and `on_pause` are the link to the worker.

    :param line: agent's frame of a tick → the caller's frame of the same tick
    """

    def __init__(
        self,
        line: Callable[[bytes], bytes],
        *,
        on_frame: Callable[[int, bytes], None],
        on_report: Callable[[Report], None],
        on_pause: Callable[[Pause], None],
    ) -> None:
        self._line = line
        self._on_frame, self._on_pause = on_frame, on_pause
        self._ring = Ring()
        self._leg = MediaLeg(0, 0, self)
        self._thread = MediaThread(
            bridge=cast("Bridge", _PausedRing(self._ring)), loop=cast("asyncio.AbstractEventLoop", None)
        )
        self.playout = Playout(self, on_report)
        self.pauses = Pauses(self.playout)
        self.tick = 0
        self.onsets: list[Pause] = []
        self.sounding: list[bool] = []
        """Whether agent audio left, tick by tick."""
        self.timeouts = 0

    def step(self) -> None:
        """One tick of the media clock."""
        paused = self._ring.paused
        utterance, position, agent, finished, underrun = self._ring.tick()
        caller = self._line(agent)
        flags = int(TickFlag.CALLER) | (int(TickFlag.PAUSED) if paused else 0)
        flags |= (int(TickFlag.FINISHED) if finished else 0) | (int(TickFlag.UNDERRUN) if underrun else 0)
        record: Record = (
            self.tick, 0, utterance, position, 0, 0, flags, level_db(caller), level_db(agent), caller, agent,
        )  # fmt: skip
        self.sounding.append(bool(utterance) and not paused and any(agent))
        for function, arguments in self._thread.process([record], {0: self._leg}):
            function(*arguments)
        self.tick += 1

    # ------------------------------------------------------------ what the media thread tells, as a call takes it

    def deliver_key(self, key: str) -> None:
        """Nobody presses a key here."""

    def deliver_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        pause = self.pauses.begin(utterance, position, onset_ms=onset_tick * FRAME_MS, at_ms=tick * FRAME_MS)
        if pause is not None:
            self.onsets.append(pause)
            self._on_pause(pause)

    def deliver_frames(self, frames: Sequence[LegFrame]) -> None:
        for frame in frames:
            self._take(frame)

    def _take(self, frame: LegFrame) -> None:
        self._on_frame(frame.tick * FRAME_MS, frame.caller)
        self.playout.on_frame(frame)
        self.pauses.overtaken()
        if self.pauses.late(frame.tick * FRAME_MS) is not None:
            self.timeouts += 1

    def verdict(self, pause: int, *, cut: bool, resume_from: int) -> None:
        """The worker decided."""
        self.pauses.decide(pause, Decision.CUT if cut else Decision.RESUME, resume_from)

    # ------------------------------------------------------------ playout's sink

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        return self._ring.play(utterance, offset, pcm, final=final)

    def arm_pause(self, armed: bool) -> None:
        self._leg.armed = armed

    def pause(self) -> None:
        self._ring.pause()

    def resume(self) -> None:
        self._ring.resume()

    def flush(self) -> None:
        self._ring.flush()


def level_db(frame: bytes) -> float:
    """As the bridge measures it."""
    energy = float(np.sum(np.frombuffer(frame, dtype="<i2").astype(np.float64) ** 2))
    return 10 * math.log10(energy / (FRAME_SAMPLES * 32768.0**2)) if energy else SILENCE_DB
