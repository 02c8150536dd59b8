"""A caller's two sockets, for SIP and for RTP. Arrivals of packets are dated by the kernel, so that a busy machine does
not look like a silent call."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from gateway.chaos.relay import HOST

Address = tuple[str, int]
OnSound = Callable[[bytes, int], None]
"""Gets each datagram at the RTP port, and when it came: ns of the wall clock."""

_SO_TIMESTAMPNS = 35
_NS = 1_000_000_000


class Line(Protocol):
    """What a caller has to reach others by."""

    address: Address
    """Of SIP."""
    sound_port: int
    came: asyncio.Queue[tuple[bytes, Address]]
    """SIP messages, and who sent them."""

    def send(self, message: bytes, to: Address) -> None:
        """SIP."""
        ...

    def send_sound(self, packet: bytes, to: Address) -> None:
        """RTP."""
        ...


class _Signalling(asyncio.DatagramProtocol):
    def __init__(self, came: asyncio.Queue[tuple[bytes, Address]]) -> None:
        self._came = came

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._came.put_nowait((data, addr))


class UdpLine:
    """Sockets of the loopback address."""

    def __init__(
        self, sip: asyncio.DatagramTransport, came: asyncio.Queue[tuple[bytes, Address]], sound: socket.socket
    ) -> None:
        self._sip = sip
        self._sound = sound
        self.came = came
        self.address = sip.get_extra_info("sockname")
        self.sound_port = int(sound.getsockname()[1])

    def send(self, message: bytes, to: Address) -> None:
        self._sip.sendto(message, to)

    def send_sound(self, packet: bytes, to: Address) -> None:
        """A packet that the kernel does not take is one that was lost."""
        try:
            self._sound.sendto(packet, to)
        except OSError:
            return


@asynccontextmanager
async def open_line(on_sound: OnSound) -> AsyncIterator[UdpLine]:
    """A line, while the block runs."""
    loop = asyncio.get_running_loop()
    came: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
    sip, _ = await loop.create_datagram_endpoint(lambda: _Signalling(came), local_addr=(HOST, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sound:
        sound.setblocking(False)
        sound.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sound.bind((HOST, 0))
        loop.add_reader(sound, _receive, sound, on_sound)
        try:
            yield UdpLine(sip, came, sound)
        finally:
            loop.remove_reader(sound)
            sip.close()


def _receive(sound: socket.socket, on_sound: OnSound) -> None:
    try:
        data, ancillary, _, _ = sound.recvmsg(2048, 64)
    except OSError:
        return
    at_ns = time.time_ns()
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(content) >= 16:
            seconds, nanoseconds = struct.unpack("qq", content[:16])
            at_ns = seconds * _NS + nanoseconds
    on_sound(data, at_ns)
