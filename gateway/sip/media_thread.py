"""The media thread: takes what the media clock recorded, looks for speech, pauses playout, tells the event loop.

Nothing here is in the path of outgoing RTP. One drain takes the tick of all legs, whose levels the media clock has
measured, and the loop is woken once per drain.

Where nothing happens, frames go to the loop three at a time: what a frame costs there is mostly finding the call's
state in memory, which the next two find warm. A frame with sound of the caller, or with any event of playout, goes at
once with those before it, and so do the frames of the 600 ms after it, in which turns end.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Protocol

import structlog

from gateway.call.leg import LegFrame
from gateway.errors import LegError
from gateway.media.audio import FRAME_MS
from gateway.media.caller_ear import CallerEar
from gateway.media.fast_vad import SILENCE_DB
from gateway.observe.metrics import MEDIA_THREAD_LATENESS
from gateway.sip.bridge import KEY_SHIFT, RECORD, TickFlag
from gateway.sip.keypad import KEYS

log = structlog.get_logger(__name__)

_WAIT_MS = 40

QUIET_DB = -60.0
"""A caller's frame below it holds nothing that anybody listens for: the worker's own detectors begin there."""
QUIET_FRAMES = 30
"""After so many quiet frames in a row, frames may wait for company."""
TOGETHER = 3
"""So many frames, at most, go to the loop together: the first is 40 ms late."""

_CALLER, _UNDERRUN = int(TickFlag.CALLER), int(TickFlag.UNDERRUN)
_PAUSED, _FINISHED = int(TickFlag.PAUSED), int(TickFlag.FINISHED)
_KEY = int(TickFlag.KEY)
_EVENTS = ~_CALLER
"""Flags of a tick in which something happened, other than sound."""

Record = tuple[int, int, int, int, int, int, int, float, float, bytes, bytes]
"""The fields of `gateway.sip.bridge.RECORD`."""
_CAPTURED_NS = itemgetter(1)

Event = tuple[Callable[..., None], tuple[Any, ...]]
"""A listener's method and its arguments, for the event loop."""


class Bridge(Protocol):
    """What the media thread needs of `gateway.sip.bridge.MediaBridge`."""

    def open(self) -> int: ...
    def close(self, leg: int) -> None: ...
    def generation(self, leg: int) -> int: ...
    def pause(self, leg: int) -> None: ...
    def wait(self, timeout_ms: int) -> bool: ...
    def drain_bytes(self) -> bytes: ...


class FrameSink(Protocol):
    """Who gets a leg's media events, on the event loop's thread."""

    def deliver_frames(self, frames: Sequence[LegFrame]) -> None: ...
    def deliver_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None: ...
    def deliver_key(self, key: str) -> None: ...


@dataclass(slots=True)
class MediaLeg:
    """A leg as the media thread knows it. `armed` and `prompt` are written by the event loop, read here."""

    index: int
    generation: int
    sink: FrameSink
    armed: bool = False
    prompt: bool = False
    """Its frames go to the loop one by one: they are mixed with another leg's."""
    ear: CallerEar = field(default_factory=CallerEar)
    quiet: int = 0
    """Frames since the last one in which something happened."""
    utterance: int = 0
    """What was sounding in the last frame."""
    waiting: list[LegFrame] = field(default_factory=list)

    def may_wait(self, frame: LegFrame, flags: int, caller_db: float) -> bool:
        """Whether nothing happens in this frame, nor happened in those before."""
        if caller_db > QUIET_DB or flags & _EVENTS or frame.utterance != self.utterance:
            self.quiet, self.utterance = 0, frame.utterance
            return False
        self.quiet += 1
        return self.quiet > QUIET_FRAMES and not self.prompt

    def let_go(self) -> Event:
        """The frames that waited, for the loop."""
        frames, self.waiting = self.waiting, []
        return self.sink.deliver_frames, (frames,)


class ClockLateness:
    """How far the ticks of one leg after the other came apart: more than 20 ms each, and RTP has gone out late."""

    def __init__(self) -> None:
        self._before: tuple[tuple[int, int], int, int] | None = None
        self._worst_ns = 0

    def ticked(self, record: Record) -> None:
        """The first record of a drain."""
        tick, captured_ns, leg = record[0], record[1], (record[4], record[5])
        if self._before is not None and self._before[0] == leg:
            _, tick_before, before_ns = self._before
            self._worst_ns = max(self._worst_ns, captured_ns - before_ns - (tick - tick_before) * FRAME_MS * 1_000_000)
        self._before = leg, tick, captured_ns

    def worst_ms(self) -> float:
        """Since the last time this was asked."""
        worst_ns, self._worst_ns = self._worst_ns, 0
        return worst_ns / 1e6


class MediaThread:
    """Drains the bridge until `stop`."""

    def __init__(self, *, bridge: Bridge, loop: asyncio.AbstractEventLoop) -> None:
        self._bridge = bridge
        self._loop = loop
        self._legs: dict[int, MediaLeg] = {}
        # a leg's first record must not be drained before the leg is known
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="parley-media", daemon=True)
        self.heartbeat_ns = time.monotonic_ns()
        """CLOCK_MONOTONIC of the last turn of the loop."""
        self.frames = 0
        self._clock = ClockLateness()
        self._ticked_ns = 0
        """CLOCK_MONOTONIC of the last look that found a tick, or at which the first leg was opened."""

    def clock_late_ms(self) -> float:
        """How late the media clock was at worst since the last time this was asked; for any thread."""
        return self._clock.worst_ms()

    @property
    def clock_heartbeat_ns(self) -> int:
        """CLOCK_MONOTONIC at which the media clock was last seen to tick; now while it has no leg to tick for."""
        return self._ticked_ns if self._legs else time.monotonic_ns()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """End the thread; True when it has ended within `timeout` seconds."""
        self._stopping = True
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def open(self, sink: FrameSink, *, armed: bool) -> MediaLeg:
        """Open a leg on the bridge; for the thread that owns pjsua2. :raises LegError: when all places are taken."""
        with self._lock:
            index = self._bridge.open()
            leg = MediaLeg(index, self._bridge.generation(index), sink, armed)
            if not self._legs:
                self._ticked_ns = time.monotonic_ns()
            self._legs[index] = leg
        return leg

    def close(self, leg: MediaLeg) -> None:
        """Take a leg off the bridge; for the thread that owns pjsua2."""
        with self._lock:
            self._bridge.close(leg.index)
            if self._legs.get(leg.index) is leg:
                del self._legs[leg.index]
        if leg.waiting:
            self._tell([leg.let_go()])

    def _run(self) -> None:
        while not self._stopping:
            self.heartbeat_ns = time.monotonic_ns()
            try:
                self._turn()
            except Exception:
                log.exception("media.turn_failed")
                time.sleep(_WAIT_MS / 1000)

    def _turn(self) -> None:
        if not self._bridge.wait(_WAIT_MS):
            return
        with self._lock:
            drained = self._bridge.drain_bytes()
            legs = self._legs.copy()
        # Plain loops over plain objects: called once in 20 ms, each function of numpy costs ten times its usual time.
        records = list(RECORD.iter_unpack(drained))
        if not records:
            return
        self._ticked_ns = time.monotonic_ns()
        self._clock.ticked(records[0])
        MEDIA_THREAD_LATENESS.observe(max(0, time.monotonic_ns() - min(map(_CAPTURED_NS, records))) / 1e9)
        if events := self.process(records, legs):
            self._tell(events)

    def _tell(self, events: list[Event]) -> None:
        try:
            self._loop.call_soon_threadsafe(_deliver, events)
        except RuntimeError:
            # the loop is closed: nobody listens any more
            self._stopping = True

    def process(self, records: Sequence[Record], legs: dict[int, MediaLeg]) -> list[Event]:
        """Records to events for the loop, pausing on the way where the caller began to speak over us."""
        events: list[Event] = []
        for (
            tick, captured_ns, utterance, position, index, generation, flags, caller_db, agent_db, caller, agent,
        ) in records:  # fmt: skip
            leg = legs.get(index)
            if leg is None or leg.generation != generation:
                continue
            if not flags & _CALLER:
                caller_db = SILENCE_DB
            speech = leg.ear.listen(tick, caller, caller_db, agent_db)
            if leg.ear.onset_tick is not None and utterance and leg.armed and not flags & _PAUSED:
                if leg.waiting:
                    events.append(leg.let_go())
                events.append(self._pause(leg, utterance, position, tick))
            frame = LegFrame(
                tick, captured_ns, caller, agent, utterance, position,
                flags & _CALLER != 0, speech, flags & _FINISHED != 0, flags & _UNDERRUN != 0, flags & _PAUSED != 0,
            )  # fmt: skip
            leg.waiting.append(frame)
            if not leg.may_wait(frame, flags, caller_db) or len(leg.waiting) >= TOGETHER:
                events.append(leg.let_go())
            if flags & _KEY:
                events.append((leg.sink.deliver_key, (KEYS[flags >> KEY_SHIFT & 15],)))
        self.frames += len(records)
        return events

    def _pause(self, leg: MediaLeg, utterance: int, position: int, tick: int) -> Event:
        onset_tick, leg.ear.onset_tick = leg.ear.onset_tick, None
        # the bridge first: the words about it can wait
        try:
            self._bridge.pause(leg.index)
        except LegError:
            log.debug("media.pause_on_closed_leg", leg=leg.index)
        return leg.sink.deliver_pause, (utterance, position, onset_tick, tick)


def _deliver(events: list[Event]) -> None:
    for function, arguments in events:
        # one call's defect must not take the tick from the others
        try:
            function(*arguments)
        except Exception:
            log.exception("media.listener_failed")
