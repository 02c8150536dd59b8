"""TCP connections that come later than they were sent, or not for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"
_PIECE = 65536
_WAITING_PIECES = 4096


@dataclass(slots=True)
class Relay:
    """Passes connections to its `port` on to `target`.

    What is held up is not lost: as between two machines whose network is away, it comes when the network is back.
    """

    target: int
    port: int = 0
    delay_seconds: float = 0.0
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._open.set()

    def cut(self) -> None:
        """Pass nothing on, in both directions, until `mend`; new connections stay silent, too."""
        self._open.clear()

    def mend(self) -> None:
        """As before any fault."""
        self.delay_seconds = 0.0
        self._open.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Both directions of a connection that came."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._pass_on(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        far_reader, far_writer = await asyncio.open_connection(HOST, self.target)
        ways = [
            asyncio.create_task(self._way(source, sink))
            for source, sink in ((reader, far_writer), (far_reader, writer))
        ]
        try:
            # When one side is gone, the other is told as soon as it has all that came before.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            far_writer.close()

    async def _way(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One direction, until its source has ended."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WAITING_PIECES)
        taking = asyncio.create_task(_take(source, waiting))
        try:
            await self._give(waiting, sink)
        finally:
            taking.cancel()

    async def _give(self, waiting: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        while True:
            came, piece = await waiting.get()
            if (early := came + self.delay_seconds - now()) > 0:
                await asyncio.sleep(early)
            await self._open.wait()
            if not piece:
                return
            sink.write(piece)
            await sink.drain()


async def _take(source: asyncio.StreamReader, waiting: asyncio.Queue[tuple[float, bytes]]) -> None:
    """An empty piece is the end."""
    piece = b"first"
    while piece:
        try:
            piece = await source.read(_PIECE)
        except OSError:
            piece = b""
        await waiting.put((asyncio.get_running_loop().time(), piece))


@asynccontextmanager
async def relay(target: int) -> AsyncIterator[Relay]:
    """A relay on a free port, to a port of the loopback address."""
    made = Relay(target)
    server = await asyncio.start_server(made.accept, HOST, 0)
    made.port = int(server.sockets[0].getsockname()[1])
    try:
        yield made
    finally:
        server.close()
        await made.close()
