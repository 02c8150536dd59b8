"""Collects what calls send and receive, and brings it to whoever keeps it.

A call is not known yet when its first message comes: messages wait for a few seconds until somebody follows their
Call-ID, and are forgotten when nobody does.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

import structlog

from gateway.recording.packet import Kind, Packet, PacketSink
from gateway.sip.capture.ring import packets

log = structlog.get_logger(__name__)

TURN_SECONDS = 0.1
KEPT_NS = 15_000_000_000
"""How long messages wait for somebody to follow them: a server may be asked first who takes the call."""
KEPT_MESSAGES = 5_000


class Buffers(Protocol):
    """What the tap needs of `gateway.sip.capture.ring.Ring`."""

    def watch(self, port: int, on: bool) -> None: ...
    def take(self) -> tuple[bytes, int]: ...


class Routing:
    """Which packet is whose. Not for several threads."""

    def __init__(self) -> None:
        self._sinks: dict[str, PacketSink] = {}
        self._ports: dict[int, str] = {}
        """The Call-ID behind each of our media ports."""
        self._waiting: dict[str, list[Packet]] = {}

    def follow(self, call_id: str, sink: PacketSink) -> None:
        """A sink gets the messages of a Call-ID, those that wait first, and the packets of its ports."""
        self._sinks[call_id] = sink
        if waiting := self._waiting.pop(call_id, None):
            sink.take(waiting)

    def media(self, port: int, call_id: str) -> None:
        """A media port of ours is that of a Call-ID."""
        self._ports[port] = call_id

    @property
    def watched(self) -> set[int]:
        """The ports whose packets somebody wants."""
        return {port for port, name in self._ports.items() if name in self._sinks and self._sinks[name].media}

    def route(self, found: Iterable[Packet], now_ns: int) -> None:
        """Give packets to their sinks, and let all of them know that time goes by."""
        taken: dict[str, list[Packet]] = defaultdict(list)
        for packet in found:
            name = packet.call_id if packet.kind is Kind.SIP else self._ports.get(packet.local.port, "")
            if name in self._sinks:
                taken[name].append(packet)
            elif packet.kind is Kind.SIP:
                self._waiting.setdefault(name, []).append(packet)
        for name, come in taken.items():
            self._sinks[name].take(come)
        for sink in set(self._sinks.values()):
            sink.flush()
        self._forget(now_ns)

    def _forget(self, now_ns: int) -> None:
        self._sinks = {name: sink for name, sink in self._sinks.items() if not sink.closed}
        kept = sum(map(len, self._waiting.values()))
        for name, waiting in list(self._waiting.items()):
            if kept <= KEPT_MESSAGES and waiting[-1].time_ns > now_ns - KEPT_NS:
                continue
            kept -= len(self._waiting.pop(name))


class Tap:
    """A thread that looks ten times a second. Every method is for any thread."""

    def __init__(self, buffers: Buffers) -> None:
        self._buffers = buffers
        self._routing = Routing()
        self._watched: set[int] = set()
        self._dropped = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="parley-capture", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Look a last time, and end; nothing more is collected of media."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        with self._lock:
            for port in self._watched:
                self._buffers.watch(port, False)
            self._watched = set()

    def follow(self, call_id: str, sink: PacketSink) -> None:
        """A sink gets what has this Call-ID from its first message on."""
        with self._lock:
            self._routing.follow(call_id, sink)
            self._watch()

    def media(self, port: int, call_id: str) -> None:
        """A media port of ours is that of a Call-ID."""
        with self._lock:
            self._routing.media(port, call_id)
            self._watch()

    def _watch(self) -> None:
        wanted = self._routing.watched
        for port in wanted ^ self._watched:
            self._buffers.watch(port, port in wanted)
        self._watched = wanted

    def _run(self) -> None:
        while not self._stopping.wait(TURN_SECONDS):
            self._turn()
        self._turn()

    def _turn(self) -> None:
        try:
            found, dropped = self._buffers.take()
            with self._lock:
                self._routing.route(packets(found), time.time_ns())
                self._watch()
        except Exception:  # the capture of one call must not end that of the others
            log.exception("capture failed")
            return
        if dropped != self._dropped:
            log.warning("packets not captured", packets=dropped - self._dropped)
            self._dropped = dropped
