"""A server of a tool that takes its time, and counts how often it is asked to do what."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.peers.ports import LOOPBACK

TAKES_SECONDS = 2.5
"""Longer than until the first workers are lost: a tool runs at that moment."""


class EffectServer:
    """`by_call` counts requests by the call's id, `by_key` by Idempotency-Key."""

    def __init__(self) -> None:
        self.url = ""
        self.by_call: Counter[str] = Counter()
        self.by_key: Counter[str] = Counter()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[EffectServer]:
        server = await asyncio.start_server(self._answer, LOOPBACK, 0)
        self.url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/book"
        try:
            yield self
        finally:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            headers, message = await _read(reader)
            self.by_call[message["call"]["id"]] += 1
            self.by_key[headers["idempotency-key"]] += 1
            await asyncio.sleep(TAKES_SECONDS)
            results = [{"toolCallId": message["toolCallList"][0]["id"], "result": "booked"}]
            body = json.dumps({"results": results}).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # who asked was killed
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> tuple[dict[str, str], dict[str, Any]]:
    """The headers of a request, by their lower-case names, and Vapi's message."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = [line.split(":", 1) for line in head.split("\r\n")[1:] if ":" in line]
    headers = {name.lower(): value.strip() for name, value in lines}
    body = await reader.readexactly(int(headers["content-length"]))
    message: dict[str, Any] = json.loads(body)["message"]
    return headers, message
