"""What waits to be sent to a worker: per call, bounded, merged.

Caller audio of a call is one span of consecutive frames until it is taken or something else of the call comes; so a
tick carries one CallerAudio per call, and a worker that does not read costs the oldest audio of its own calls and
nothing else. Control events are never dropped.

Pure: no clock, no socket.
"""

from __future__ import annotations

from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_BYTES, FRAME_MS

AUDIO_LIMIT_MS = 5_000
"""Caller audio kept for a call that the worker does not take; the oldest goes first."""
TICK_BYTES = 1_000_000
"""Audio in one message at most: gRPC refuses messages above 4 MB."""


class CallOutbox:
    """The events of one call that wait."""

    __slots__ = ("_at_ms", "_events", "_frames", "_missing", "_sealed_ms", "call", "dropped_ms")

    def __init__(self, call: int) -> None:
        self.call = call
        self.dropped_ms = 0
        self._events: list[pb.GatewayEvent] = []
        self._frames: list[bytes] = []
        self._at_ms = 0
        self._missing = False
        self._sealed_ms = 0

    def add_frame(self, at_ms: int, pcm: bytes, *, missing: bool) -> bool:
        """20 ms of the caller at `at_ms` of the call clock. True when nothing waited before it."""
        first = not self._frames and not self._events
        if self._frames and (missing != self._missing or at_ms != self._at_ms + len(self._frames) * FRAME_MS):
            self._seal()
        if not self._frames:
            self._at_ms = at_ms
            self._missing = missing
        self._frames.append(pcm)
        if self._sealed_ms + len(self._frames) * FRAME_MS > AUDIO_LIMIT_MS:
            self._drop_oldest()
        return first

    def add(self, event: pb.GatewayEvent) -> None:
        """An event in its place after the audio so far; its call number is set here."""
        if self._frames:
            self._seal()
        event.call = self.call
        self._events.append(event)

    def move_into(self, tick: pb.GatewayTick) -> int:
        """Move all that waits into a tick, in order; returns its bytes of audio."""
        size = self._sealed_ms // FRAME_MS * FRAME_BYTES
        if self._events:
            tick.events.extend(self._events)
            self._events = []
            self._sealed_ms = 0
        if self._frames:
            event = tick.events.add()
            event.call = self.call
            size += self._write(event.audio)
        return size

    def _seal(self) -> None:
        self._sealed_ms += len(self._frames) * FRAME_MS
        event = pb.GatewayEvent(call=self.call)
        self._write(event.audio)
        self._events.append(event)

    def _write(self, audio: pb.CallerAudio) -> int:
        """Returns its bytes: to ask the message for its audio would copy it."""
        audio.at_ms = self._at_ms
        audio.pcm = pcm = b"".join(self._frames)
        if self._missing:
            audio.missing = True
        self._frames = []
        return len(pcm)

    def _drop_oldest(self) -> None:
        for index, event in enumerate(self._events):
            if event.HasField("audio"):
                gone_ms = len(event.audio.pcm) // FRAME_BYTES * FRAME_MS
                del self._events[index]
                self._sealed_ms -= gone_ms
                break
        else:
            gone_ms = FRAME_MS
            del self._frames[0]
            self._at_ms += FRAME_MS
        self.dropped_ms += gone_ms


class Outbox:
    """The outgoing side of a stream: which calls have something to send."""

    def __init__(self) -> None:
        self._waiting: dict[int, CallOutbox] = {}
        self._sequence = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def mark(self, call: CallOutbox) -> None:
        """This call has something to send."""
        self._waiting[call.call] = call

    def forget(self, call: CallOutbox) -> None:
        """Drop what waits for this call."""
        self._waiting.pop(call.call, None)

    def next_tick(self, now_ns: int) -> pb.GatewayTick:
        """The next message: all calls that wait, or as many as fit."""
        self._sequence += 1
        tick = pb.GatewayTick(sequence=self._sequence, sent_ns=now_ns)
        size = 0
        while self._waiting and size < TICK_BYTES:
            size += self._waiting.pop(next(iter(self._waiting))).move_into(tick)
        return tick
