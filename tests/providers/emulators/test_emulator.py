"""The emulator's own faults, seen from clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault, Kind


class Counter(Emulator):
    """Counts to four: a chunk or a message each."""

    def __init__(self) -> None:
        super().__init__()
        self.routes = [Route("/count", self._count), WebSocketRoute("/count", self._count_on_socket)]

    async def _count(self, request: Request) -> Response:
        await self.note(request)
        return await self.answer(self._numbers(), media_type="text/plain")

    async def _numbers(self) -> AsyncIterator[bytes]:
        for number in range(4):
            yield b"%d" % number

    async def _count_on_socket(self, websocket: WebSocket) -> None:
        async with self.accepted(websocket) as wire:
            assert await wire.receive() == "go"
            for number in range(4):
                await wire.send(str(number))


async def over_http(counter: Counter) -> bytes:
    async with httpx.AsyncClient(trust_env=False, timeout=0.5) as client:
        answer = await client.get(f"{counter.url}/count")
        answer.raise_for_status()
        return answer.content


async def over_socket(counter: Counter) -> list[str]:
    async with asyncio.timeout(1), connect(f"{counter.ws_url}/count", proxy=None, open_timeout=0.5) as socket:
        await socket.send("go")
        return [str(message) async for message in socket]


@pytest.mark.parametrize(
    ("fault", "http", "socket"),
    [
        (None, b"0123", ["0", "1", "2", "3"]),
        (Kind.DUPLICATE, b"00112233", ["0", "0", "1", "1", "2", "2", "3", "3"]),
        (Kind.OUT_OF_ORDER, b"0123", ["1", "0", "3", "2"]),
        (Kind.REFUSE, httpx.ConnectError, OSError),
        (Kind.HANG_AT_CONNECT, httpx.ReadTimeout, TimeoutError),
        (Kind.HANG_MID_STREAM, httpx.ReadTimeout, TimeoutError),
        (Kind.CUT, httpx.RemoteProtocolError, ConnectionClosed),
        (Kind.UNAUTHORIZED, httpx.HTTPStatusError, InvalidStatus),
        (Kind.RATE_LIMITED, httpx.HTTPStatusError, InvalidStatus),
        (Kind.SERVER_ERROR, httpx.HTTPStatusError, InvalidStatus),
    ],
)
async def test_a_fault_is_what_the_client_sees(fault: Kind | None, http: object, socket: object) -> None:
    counter = Counter()
    counter.fault = Fault(fault) if fault else None
    async with running(counter):
        for client, expected in ((over_http, http), (over_socket, socket)):
            if isinstance(expected, type) and issubclass(expected, Exception):
                with pytest.raises(expected):
                    await client(counter)
            else:
                assert await client(counter) == expected


async def test_a_fault_can_pass() -> None:
    counter = Counter()
    counter.fault = Fault(Kind.SERVER_ERROR, times=1)
    async with running(counter):
        with pytest.raises(httpx.HTTPStatusError):
            await over_http(counter)
        assert await over_http(counter) == b"0123"
    assert [seen.path for seen in counter.seen] == ["/count", "/count"]
