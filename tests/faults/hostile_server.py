"""A server for webhooks that takes an attempt, refuses it, hangs or cuts the connection, as a seed says."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

HANG_SECONDS = 30.0
PATIENCE = 3
"""From this attempt on it takes what comes."""


class Mood(StrEnum):
    TAKES = "takes"
    REFUSES = "refuses"
    HANGS = "hangs"
    CUTS = "cuts"


@dataclass(slots=True)
class Arrivals:
    """Of one delivery: what its body was each time, and what became of it."""

    bodies: list[bytes] = field(default_factory=list)
    moods: list[Mood] = field(default_factory=list)


class HostileServer:
    """:param seed: of its moods"""

    def __init__(self, seed: int) -> None:
        self.url = ""
        self.deliveries: defaultdict[str, Arrivals] = defaultdict(Arrivals)
        """By the id in the header, which is the same for each attempt."""
        self.order: list[str] = []
        """Ids as they came, repeated ones too."""
        self._seed = seed
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[HostileServer]:
        server = await asyncio.start_server(self._own, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks"
        try:
            yield self
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def message(self, delivery: str) -> dict[str, Any]:
        """What a delivery said."""
        message: dict[str, Any] = json.loads(self.deliveries[delivery].bodies[0])["message"]
        return message

    def _own(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._connected(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # whoever posted it was killed
        finally:
            with suppress(ConnectionError):
                writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether another one may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        id_ = headers["x-parley-delivery"]
        mood = self._mood(id_, len(self.deliveries[id_].bodies) + 1)
        self.deliveries[id_].bodies.append(body)
        self.deliveries[id_].moods.append(mood)
        self.order.append(id_)
        match mood:
            case Mood.CUTS:
                writer.transport.abort()
                return False
            case Mood.HANGS:
                await asyncio.sleep(HANG_SECONDS)
                return False
        status = b"200 OK" if mood is Mood.TAKES else b"500 Internal Server Error"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        return True

    def _mood(self, id_: str, attempt: int) -> Mood:
        if attempt >= PATIENCE:
            return Mood.TAKES
        source = random.Random(f"{self._seed} {id_} {attempt}")
        return source.choices(list(Mood), (85, 6, 3, 6))[0]
