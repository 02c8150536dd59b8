"""The gateway's media port: sockets that carry audio, and the control of live calls.

| request | does | answer |
|---|---|---|
| WebSocket /call/ID/transport | is the telephone of a `vapi.websocket` call | audio and client messages |
| WebSocket /call/ID/listen | listens to a live call | audio and client messages |
| POST /call/ID/control | a message of live control | 200, or 4xx with a sentence |

Who knows the id of a call may do this, unless the assistant's monitorPlan asks for a key.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

import structlog
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from gateway.call.audience import Audience
from gateway.carriers.listening import ListenFormat, Messages, listen
from gateway.carriers.transports import Transports
from gateway.carriers.websocket_leg import WebSocketLeg
from gateway.errors import NotLive, ParleyError

log = structlog.get_logger(__name__)

CLOSE_NORMAL, CLOSE_REFUSED = 1000, 1008
MOST_CONTROL_BYTES = 65536


class Controlled(Protocol):
    """The part of `Call` that the port reaches."""

    audience: Audience

    def control(self, message: Mapping[str, Any]) -> None:
        """Do what a message of live control asks. :raises ParleyError: when it cannot be done"""


class Use(StrEnum):
    """What somebody does with a live call who is no party of it."""

    LISTEN = "listen"
    CONTROL = "control"


class LiveCalls(Protocol):
    """The part of a gateway that the port uses. :raises NotLive: each of them, when there is no such call"""

    def call(self, call_id: str) -> Controlled:
        """The live call with this id."""

    def messages(self, call_id: str) -> Messages:
        """What makes the call's client messages from its journal."""

    async def refusal(self, call_id: str, use: Use, authorization: str) -> str:
        """Why who sends this Authorization header may not do that with the call; empty when they may."""


class MediaPort:
    """What the routes do."""

    def __init__(self, calls: LiveCalls, transports: Transports) -> None:
        self._calls = calls
        self._transports = transports

    async def transport(self, socket: WebSocket, call_id: str) -> None:
        """Be the telephone of a call."""
        await socket.accept()
        try:
            leg, call = self._transports.claim(call_id), self._calls.call(call_id)
        except NotLive as error:
            await socket.close(CLOSE_REFUSED, str(error)[:120])
            return
        leg.on_text = lambda message: _controlled(leg, call, message)
        telling = asyncio.create_task(self._tell(leg, call_id), name=f"client messages of {call_id}")
        try:
            await leg.serve(socket)
        finally:
            telling.cancel()
            await asyncio.wait((telling,))

    async def listen(self, socket: WebSocket, call_id: str) -> None:
        """Listen to a call."""
        await socket.accept()
        try:
            call = self._calls.call(call_id)
            wanted = ListenFormat.model_validate(dict(socket.query_params))
        except (NotLive, ValidationError) as error:
            reason = str(error) if isinstance(error, NotLive) else "sampleRate is 8000 to 48000, channels 1 or 2."
            await socket.close(CLOSE_REFUSED, reason[:120])
            return
        if reason := await self._calls.refusal(call_id, Use.LISTEN, socket.headers.get("authorization", "")):
            await socket.close(CLOSE_REFUSED, reason[:120])
            return
        with call.audience.joined() as listener:
            sending = asyncio.create_task(listen(socket, listener, wanted, self._calls.messages(call_id)))
            leaving = asyncio.create_task(_left(socket))
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            ended = sending.done()
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if ended:
            await _close(socket)

    async def control(self, request: Request, call_id: str) -> JSONResponse:
        """Do what a message asks."""
        try:
            call = self._calls.call(call_id)
        except NotLive as error:
            return _refusal(404, "Not Found", str(error))
        if reason := await self._calls.refusal(call_id, Use.CONTROL, request.headers.get("authorization", "")):
            return _refusal(401, "Unauthorized", reason)
        message = await _object(request)
        if message is None:
            return _refusal(400, "Bad Request", 'The body must be a JSON object, such as {"type": "end-call"}.')
        try:
            call.control(message)
        except NotLive as error:
            return _refusal(409, "Conflict", str(error))
        except ParleyError as error:
            return _refusal(400, "Bad Request", str(error))
        return JSONResponse({})

    async def _tell(self, leg: WebSocketLeg, call_id: str) -> None:
        """Pass the call's client messages on to its client."""
        with self._calls.call(call_id).audience.joined(sound=False) as listener:
            messages = self._calls.messages(call_id)
            async for entry in listener.entries():
                for message in messages(entry):
                    leg.send_text(message)


def media_app(port: MediaPort) -> FastAPI:
    """The application."""
    app = FastAPI(title="Parley media", openapi_url=None)
    app.add_api_websocket_route("/call/{call_id}/transport", port.transport)
    app.add_api_websocket_route("/call/{call_id}/listen", port.listen)
    app.add_api_route("/call/{call_id}/control", port.control, methods=["POST"])
    return app


def _controlled(leg: WebSocketLeg, call: Controlled, message: Mapping[str, Any]) -> None:
    try:
        call.control(message)
    except ParleyError as error:
        leg.send_text({"type": "error", "message": str(error)})


async def _left(socket: WebSocket) -> None:
    """Until the listener has gone; what it says is passed over."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


async def _close(socket: WebSocket) -> None:
    try:
        await socket.close(CLOSE_NORMAL, "The call has ended.")
    except (RuntimeError, WebSocketDisconnect):
        log.debug("listener left before the end")


async def _object(request: Request) -> dict[str, Any] | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_CONTROL_BYTES:
            return None
    try:
        read = json.loads(body)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _refusal(status: int, error: str, message: str) -> JSONResponse:
    return JSONResponse({"message": message, "error": error, "statusCode": status}, status_code=status)
