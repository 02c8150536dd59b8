"""A relay of TCP connections that a test lets go deaf, as a firewall does that forgot a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.peers.ports import LOOPBACK


@dataclass(slots=True)
class _Passage:
    """One connection: both directions, and whether what comes is thrown away."""

    deaf: bool = False


@dataclass(slots=True)
class TcpRelay:
    """Passes connections to its `port` on to `target`."""

    target: int
    port: int = 0
    closed: int = 0
    """Connections that the side that connects has closed."""
    _passages: list[_Passage] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def connections(self) -> int:
        """How many came."""
        return len(self._passages)

    def forget(self) -> None:
        """Throw away, in silence, all that comes over the connections that there are; new ones work."""
        for passage in self._passages:
            passage.deaf = True

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Both directions of a connection that came."""
        passage = _Passage()
        self._passages.append(passage)
        far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self.target)
        back = asyncio.create_task(_copy(far_reader, writer, passage))
        self._tasks.add(back)
        await _copy(reader, far_writer, passage)
        self.closed += 1
        back.cancel()
        far_writer.close()
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: _Passage) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            if not passage.deaf:
                writer.write(data)


@asynccontextmanager
async def tcp_relay(target: int) -> AsyncIterator[TcpRelay]:
    """A relay on a free port, to a port of the loopback address."""
    made = TcpRelay(target)
    server = await asyncio.start_server(made.pass_on, LOOPBACK, 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
