"""A provider's server on a real socket of this machine, with faults on demand.

A subclass adds its routes to `self.routes`. What it sends goes through `Wire`, which does what the fault wants, so that
every emulator can do every fault.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.providers.emulators.fault import AT_HANDSHAKE, STATUS, Fault, Kind

LOOPBACK = "127.0.0.1"
GARBAGE = b"\x00\xffnot of this protocol"
_FOREVER = 3600.0


class Lost(Exception):
    """The emulator drops the connection, as the fault wants."""


@dataclass
class Seen:
    """A request that came, or a connection's opening."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    messages: list[str | bytes] = field(default_factory=list)
    query_string: str = ""
    """As it came: `query` has the last of parameters with the same name."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Emulator:
    """Serve it with `running`.

    :param key: what a client must send; the subclass looks at it in the provider's own header
    """

    def __init__(self, *, key: str = "emulated-key") -> None:
        self.key = key
        self.fault: Fault | None = None
        self.seen: list[Seen] = []
        self.routes: list[BaseRoute] = []
        self.open = 0
        """Requests and connections that go on."""
        self._going_on: set[Wire | Streamed] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}"

    def take_fault(self) -> Fault | None:
        """The fault that the request which just came is to suffer."""
        fault = self.fault
        if fault is not None and fault.times is not None:
            self.fault = Fault(fault.kind, fault.after, fault.seconds, fault.times - 1) if fault.times > 1 else None
        return fault

    async def strike(self, fault: Fault) -> None:
        """From now on this fault, also for what goes on already: a connection that could not be opened like this is
        lost, an answer that has begun has its status already."""
        self.fault = fault
        for live in list(self._going_on):
            if fault.kind not in AT_HANDSHAKE:
                await live.strike(replace(fault, after=0))
            elif isinstance(live, Wire) and self.loses_connections:
                await live.drop()

    loses_connections = True
    """Whether connections are lost when no further one could be opened."""

    def refusal(self, status: int) -> Any:
        """The provider's error body for a status; the subclass knows its form."""
        return {"error": {"message": f"emulated {status}"}}

    # ------------------------------------------------------------ HTTP

    async def note(self, request: Request) -> Seen:
        """Remember a request."""
        seen = Seen(request.url.path, dict(request.query_params), dict(request.headers), await request.body())
        self.seen.append(seen)
        return seen

    async def answer(self, chunks: AsyncIterable[bytes], *, media_type: str) -> Response:
        """A streamed answer, or what the fault makes of it."""
        fault = self.take_fault()
        if (refused := await self.refuse(fault)) is not None:
            return refused
        return StreamingResponse(self._counted(Streamed(chunks, fault)), media_type=media_type)

    async def refuse(self, fault: Fault | None) -> Response | None:
        """The refusal that the fault wants, None for none; hangs where it wants that."""
        if fault is None:
            return None
        if fault.kind is Kind.HANG_AT_CONNECT:
            await asyncio.sleep(_FOREVER)
        if (status := STATUS.get(fault.kind)) is None:
            return None
        headers = {"Retry-After": f"{fault.seconds:g}"} if status == 429 else {}
        return JSONResponse(self.refusal(status), status_code=status, headers=headers)

    async def _counted(self, answer: Streamed) -> AsyncGenerator[bytes, None]:
        self.open += 1
        self._going_on.add(answer)
        try:
            async for chunk in answer.chunks():
                yield chunk
        finally:
            self.open -= 1
            self._going_on.discard(answer)

    # ------------------------------------------------------------ WebSocket

    @asynccontextmanager
    async def accepted(self, websocket: WebSocket, *, subprotocol: str | None = None) -> AsyncIterator[Wire]:
        """An accepted connection; refused, hung or dropped as the fault wants. A client that leaves ends the block."""
        seen = Seen(websocket.url.path, dict(websocket.query_params), dict(websocket.headers))
        seen.query_string = websocket.url.query
        self.seen.append(seen)
        fault = self.take_fault()
        wire = Wire(websocket, fault, seen)
        if (refused := await self.refuse(fault)) is not None:
            await websocket.send_denial_response(refused)
            wire.refused = True
        else:
            await websocket.accept(subprotocol=subprotocol)
        self.open += 1
        self._going_on.add(wire)
        try:
            yield wire
            await wire.close()
        except Lost:
            await websocket.close(1011)
        except WebSocketDisconnect:
            pass
        finally:
            self.open -= 1
            self._going_on.discard(wire)


class Wire:
    """A WebSocket whose messages suffer the fault."""

    def __init__(self, websocket: WebSocket, fault: Fault | None, seen: Seen) -> None:
        self._websocket = websocket
        self._fault = fault
        self.seen = seen
        self._sent = 0
        self._kept: str | bytes | None = None
        self._closed = False
        self.refused = False
        """The client was turned away: there is nobody to talk to."""

    def suffer(self, fault: Fault | None) -> None:
        """From here on this fault, for connections that serve one request after the other."""
        self._fault, self._sent, self._kept = fault, 0, None

    async def strike(self, fault: Fault) -> None:
        """The fault begins now."""
        if fault.kind is Kind.CUT:
            await self.drop()
        else:
            self.suffer(fault)

    async def drop(self) -> None:
        """The connection is lost now."""
        if not self.refused:
            self.refused = True
            with suppress(RuntimeError):  # it was being closed
                await self._websocket.close(1011)

    async def greet(self, message: dict[str, Any]) -> None:
        """The message that a client waits for before it says anything: no other can come before it."""
        if self._fault is not None and self._fault.kind is Kind.OUT_OF_ORDER and not self.refused:
            await self._websocket.send_json(message)
        else:
            await self.send(message)

    async def receive(self) -> str | bytes:
        """The client's next message. :raises WebSocketDisconnect: it has gone"""
        if self.refused:
            raise WebSocketDisconnect
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code") or 1000)
        content: str | bytes = message["text"] if message.get("text") is not None else message["bytes"]
        self.seen.messages.append(content)
        return content

    async def send(self, message: dict[str, Any] | str | bytes) -> None:
        """A message, as the fault wants it. :raises Lost: the fault drops the connection"""
        if self.refused:
            raise WebSocketDisconnect
        content = json.dumps(message) if isinstance(message, dict) else message
        for one in await self._suffered(content):
            await (self._websocket.send_text(one) if isinstance(one, str) else self._websocket.send_bytes(one))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End it as the provider does; once."""
        if not (self.refused or self._closed):
            self._closed = True
            await self._websocket.close(code, reason)

    async def _suffered(self, message: str | bytes) -> list[str | bytes]:
        self._sent += 1
        fault = self._fault
        late = fault is not None and self._sent > fault.after
        match fault.kind if fault else None:
            case Kind.SLOW:
                await asyncio.sleep(fault.seconds if fault else 0)
            case Kind.HANG_MID_STREAM if late:
                await asyncio.sleep(_FOREVER)
            case Kind.CUT if late:
                raise Lost
            case Kind.GARBAGE:
                return [GARBAGE.decode(errors="replace")] if isinstance(message, str) else [GARBAGE]
            case Kind.DUPLICATE:
                return [message, message]
            case Kind.OUT_OF_ORDER:
                if self._kept is None:
                    self._kept = message
                    return []
                kept, self._kept = self._kept, None
                return [message, kept]
        return [message]


class Streamed:
    """The chunks of an HTTP answer, as the fault wants them. A cut raises: the server drops the connection."""

    def __init__(self, chunks: AsyncIterable[bytes], fault: Fault | None) -> None:
        self._chunks = chunks
        self._fault = fault
        self._sent = 0

    async def strike(self, fault: Fault) -> None:
        """The fault begins now."""
        self._fault, self._sent = fault, 0

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What is sent."""
        async for chunk in self._chunks:
            fault = self._fault
            late = fault is not None and self._sent >= fault.after
            match fault.kind if fault else None:
                case Kind.SLOW:
                    await asyncio.sleep(fault.seconds if fault else 0)
                case Kind.HANG_MID_STREAM if late:
                    await asyncio.sleep(_FOREVER)
                case Kind.CUT if late:
                    raise Lost
                case Kind.ZERO_AUDIO:
                    continue
            yield GARBAGE if fault is not None and fault.kind is Kind.GARBAGE else chunk
            if fault is not None and fault.kind is Kind.DUPLICATE:
                yield chunk
            self._sent += 1


@asynccontextmanager
async def running(emulator: Emulator) -> AsyncIterator[None]:
    """Serve the emulator on a port of its own. With the fault REFUSE in place at the start the port stays closed."""
    # The protocol is named for asyncio, which only then sends small writes at once (TCP_NODELAY).
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind((LOOPBACK, 0))
        emulator.port = listening.getsockname()[1]
        if emulator.fault is not None and emulator.fault.kind is Kind.REFUSE:
            yield
            return
        app = Starlette(routes=emulator.routes)
        config = uvicorn.Config(
            app, log_level="critical", lifespan="off", ws="websockets-sansio", ws_ping_interval=None
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]), name=type(emulator).__name__)
        while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.005)
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            await serving
