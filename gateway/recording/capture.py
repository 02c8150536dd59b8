"""The capture of one call: which of its packets are written, and what of them.

Packets wait for 300 ms before they are written. A pause begins that long before it was asked for, because what is in
the recording then was on the wire before: so nothing is in the capture that the recording leaves out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.recording.packet import Kind, Packet
from gateway.recording.pcapng import RTP_HEAD_BYTES, block, opening
from gateway.recording.redaction import without_content, without_secrets

GUARD_NS = 300_000_000
RESERVE_BYTES = 1 << 20
"""For messages, once the media have filled the file: the end of the call is what one looks for."""
_COMMENT = (
    "Captured by Parley. SIP over TCP and TLS is shown as one UDP packet for each message. Media are as on the wire: "
    "encrypted where the call is. Packets without payload were sent while nothing was recorded."
)


class CaptureFile(Protocol):
    """Where a capture goes."""

    @property
    def path(self) -> Path:
        """Of the file."""

    def write(self, position: int, data: bytes) -> None:
        """From this byte of the file on. :raises OSError: the disk does not take it"""


@dataclass(frozen=True, slots=True)
class CaptureRules:
    """`media`: packets of the media, too. `keys`: those of the audio, and what proves a password, stay. No more than
    `most_bytes` for each call, but for the messages of its end."""

    media: bool = False
    keys: bool = False
    most_bytes: int = 50_000_000


class CallCapture:
    """Implements `PacketSink`. Packets come on the thread that collects them, the rest is the event loop's.

    :param submit: gives a job to the disk thread; jobs are done in order
    :param hidden: nothing of what is said and pressed may be kept, until `show`
    :param full: told once, on the collecting thread, when the file takes no more media
    :param now_ns: CLOCK_REALTIME
    """

    def __init__(
        self,
        file: CaptureFile,
        submit: Callable[[Callable[[], object]], None],
        rules: CaptureRules,
        *,
        hidden: bool = False,
        full: Callable[[], None] = lambda: None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.closed = False
        self.path = file.path
        self._file = file
        self._submit = submit
        self._rules = rules
        self._full = full
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._waiting: list[Packet] = []
        self._position = 0
        self._told_full = False
        self._hidden: list[tuple[int, int | None]] = [(0, None)] if hidden else []
        """Spans of time, from and to before."""

    @property
    def media(self) -> bool:
        """Packets of the media are wanted."""
        return self._rules.media and not self._told_full

    @property
    def kept(self) -> bool:
        """Something was written."""
        return self._position > 0

    def take(self, packets: Sequence[Packet]) -> None:
        """What the call sent and received."""
        with self._lock:
            if not self.closed:
                self._waiting.extend(packets)

    def flush(self) -> None:
        """Write what has waited long enough."""
        with self._lock:
            self._write(self._now_ns() - GUARD_NS)

    def hide(self) -> None:
        """From now on, and from a moment ago, nothing of what is said and pressed is kept."""
        with self._lock:
            if not self._hidden or self._hidden[-1][1] is not None:
                self._hidden.append((self._now_ns() - GUARD_NS, None))

    def show(self) -> None:
        """From now on all is kept again."""
        with self._lock:
            if self._hidden and self._hidden[-1][1] is None:
                self._hidden[-1] = (self._hidden[-1][0], self._now_ns())

    def close(self) -> None:
        """Write what waits; nothing more comes."""
        with self._lock:
            self._write(None)
            self.closed = True

    def _write(self, before_ns: int | None) -> None:
        count = len(self._waiting)
        if before_ns is not None:
            # packets of several threads: one may be a little older than the one before it
            count = next((at for at, packet in enumerate(self._waiting) if packet.time_ns > before_ns), count)
        due, self._waiting = self._waiting[:count], self._waiting[count:]
        data = b"".join(self._block(packet) for packet in due)
        if not data:
            return
        position, data = self._position, (b"" if self._position else opening(_COMMENT)) + data
        self._position += len(data)
        self._submit(lambda: self._file.write(position, data))

    def _block(self, packet: Packet) -> bytes:
        if not self._has_room(packet):
            return b""
        hidden = any(start <= packet.time_ns and (end is None or packet.time_ns < end) for start, end in self._hidden)
        if packet.kind is not Kind.SIP:
            return block(packet, kept=RTP_HEAD_BYTES if hidden and packet.kind is Kind.RTP else None)
        message = packet.data if self._rules.keys else without_secrets(packet.data)
        message = without_content(message) if hidden else message
        return block(
            Packet(packet.time_ns, packet.kind, packet.sent, packet.local, packet.remote, message, packet.transport)
        )

    def _has_room(self, packet: Packet) -> bool:
        if self._position < self._rules.most_bytes:
            return True
        if not self._told_full:
            self._told_full = True
            self._full()
        return packet.kind is Kind.SIP and self._position < self._rules.most_bytes + RESERVE_BYTES


class PlainFile:
    """A file that is made with the first write. Used on the disk thread only.

    What the disk does not take is left out, without a hole: the packets before and after can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._left_out = 0

    def write(self, position: int, data: bytes) -> None:
        """:raises OSError: the disk does not take it"""
        start = position - self._left_out
        with self.path.open("r+b" if start else "wb", buffering=0) as file:
            file.seek(start)
            at = 0
            try:
                while at < len(data):
                    at += file.write(data[at:])
            except OSError:
                self._left_out += len(data)
                with suppress(OSError):
                    file.truncate(start)
                raise
