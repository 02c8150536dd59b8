"""A scripted party over TCP or TLS: takes connections, and keeps one of its own to the endpoint."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.sip.party import Party, party


class Streams:
    """Stands in for a party's socket: what is sent to an address goes over the connection with it."""

    def __init__(self) -> None:
        self._writers: dict[tuple[str, int], asyncio.StreamWriter] = {}
        self.party: Party

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        self._writers[address].write(data)

    async def taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection came."""
        await self.read(reader, writer, writer.get_extra_info("peername")[:2])

    async def read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: tuple[str, int]) -> None:
        """Hand each message to the party until the connection ends."""
        self._writers[source] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
                length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                if head:
                    body = await reader.readexactly(int(length[0].partition(b":")[2]) if length else 0)
                    self.party.deliver(head + body, source)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


@asynccontextmanager
async def stream_party(
    target: str, *, host: str, server: ssl.SSLContext | None = None, client: ssl.SSLContext | None = None
) -> AsyncIterator[Party]:
    """A party by TCP, or by TLS with contexts."""
    streams = Streams()
    async with party(target, host=host) as one:
        streams.party = one
        transport: Any = streams
        one._transport = transport
        one.protocol = "TLS" if server else "TCP"
        listening = await asyncio.start_server(streams.taken, host, 0, ssl=server)
        one.port = listening.sockets[0].getsockname()[1]
        one.own_contact = f"<sip:ann@{host}:{one.port};transport={one.protocol.lower()}>"
        address, port = target.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(address, int(port), ssl=client, local_addr=(host, 0))
        reading = asyncio.create_task(streams.read(reader, writer, (address, int(port))))
        await asyncio.sleep(0)  # the connection can be written to once it is read
        try:
            yield one
        finally:
            reading.cancel()
            streams.close()
            listening.close()
