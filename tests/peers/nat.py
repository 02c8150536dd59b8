"""A NAT between the gateway and a registrar, in user space: datagrams change their source, and the mapping may change.

gateway  ──►  inside, one socket for each host beyond  ──►  outside, one port  ──►  registrar, callers
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from tests.peers.ports import LOOPBACK

Address = tuple[str, int]


class _Side(asyncio.DatagramProtocol):
    def __init__(self, on_packet: Any) -> None:
        self._on_packet = on_packet

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._on_packet(data, addr)


class Nat:
    """Whoever knows its outer port reaches the gateway; `beyond` is where the gateway's registrar is."""

    def __init__(self, beyond: Address) -> None:
        self._beyond = beyond
        self._gateway: Address | None = None
        self._outside: asyncio.DatagramTransport | None = None
        self._inside: dict[Address, asyncio.DatagramTransport] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Both sides, on ports of their own."""
        await self._open_inside(self._beyond)
        self._outside = await self._open(self._came_in)

    async def rebind(self) -> None:
        """The mapping is forgotten; the next one has another port."""
        old, self._outside = self._outside, await self._open(self._came_in)
        assert old is not None
        old.close()

    def close(self) -> None:
        for one in (self._outside, *self._inside.values()):
            assert one is not None
            one.close()

    @property
    def registrar(self) -> str:
        """What the gateway takes for its registrar."""
        return _text(self._inside[self._beyond])

    @property
    def mapped(self) -> str:
        """Where the gateway is seen from beyond."""
        assert self._outside is not None
        return _text(self._outside)

    async def _open(self, on_packet: Any) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Side(on_packet), local_addr=(LOOPBACK, 0))
        return transport

    async def _open_inside(self, peer: Address) -> asyncio.DatagramTransport:
        self._inside[peer] = await self._open(partial(self._goes_out, peer))
        return self._inside[peer]

    def _goes_out(self, peer: Address, data: bytes, source: Address) -> None:
        self._gateway = source
        assert self._outside is not None
        self._outside.sendto(data, peer)

    def _came_in(self, data: bytes, source: Address) -> None:
        task = asyncio.get_running_loop().create_task(self._pass_in(data, source))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_in(self, data: bytes, source: Address) -> None:
        inside = self._inside.get(source) or await self._open_inside(source)
        if self._gateway is not None:
            inside.sendto(data, self._gateway)


def _text(transport: asyncio.DatagramTransport) -> str:
    host, port = transport.get_extra_info("sockname")
    return f"{host}:{port}"


@asynccontextmanager
async def nat(beyond: Address) -> AsyncIterator[Nat]:
    """A NAT while the block runs."""
    made = Nat(beyond)
    await made.open()
    try:
        yield made
    finally:
        made.close()
