"""Cartesia's text to speech by WebSocket.

Follows docs.cartesia.ai/api-reference/tts/websocket and `cartesia.types.websocket_response` of the official SDK: events
`chunk`, `timestamps`, `done` and `error`, each with the id of its context.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from tests.providers.emulators.emulator import Wire
from tests.providers.emulators.fault import STATUS, Fault, Kind
from tests.providers.emulators.streaming_voice import (
    PIECE_BYTES,
    SaidWord,
    SpeakingEmulator,
    length_ms,
    pieces,
    said,
    until_one_ends,
)

_IDLE_SECONDS = 300.0


@dataclass
class _Session:
    """A connection."""

    wire: Wire
    requests: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    cancelled: set[str] = field(default_factory=set)


class CartesiaEmulator(SpeakingEmulator):
    """Says each word of a text as a tone word."""

    def __init__(self, *, key: str = "emulated-key", pace: float = 0.0, idle_seconds: float = _IDLE_SECONDS) -> None:
        super().__init__(key=key, pace=pace, idle_seconds=idle_seconds)
        self.routes = [WebSocketRoute("/tts/websocket", self._listen)]

    def refusal(self, status: int) -> dict[str, Any]:
        """As an error event has it."""
        return {"error_code": "emulated", "title": "Emulated", "message": f"Emulated refusal {status}."}

    async def _listen(self, websocket: WebSocket) -> None:
        if websocket.headers.get("authorization") != f"Bearer {self.key}":
            await websocket.send_denial_response(JSONResponse(self.refusal(401), status_code=401))
            return
        async with self.accepted(websocket) as wire:
            if not wire.refused:
                session = _Session(wire)
                await until_one_ends(self._read(session), self._speak(session))

    async def _read(self, session: _Session) -> None:
        while True:
            try:
                async with asyncio.timeout(self.idle_seconds):
                    message = json.loads(await session.wire.receive())
            except TimeoutError:
                return
            if message.get("cancel"):
                session.cancelled.add(message["context_id"])
            else:
                session.requests.put_nowait(message)

    async def _speak(self, session: _Session) -> None:
        while True:
            request = await session.requests.get()
            context = request["context_id"]
            fault = self.fault_of_text()
            if fault is not None and fault.kind is Kind.HANG_AT_CONNECT:
                fault = Fault(Kind.HANG_MID_STREAM, after=0)
            session.wire.suffer(fault)
            if fault is not None and (status := STATUS.get(fault.kind)):
                error = {"type": "error", "done": True, "status_code": status, "context_id": context}
                await session.wire.send({**error, **self.refusal(status)})
                continue
            if fault is None or fault.kind is not Kind.ZERO_AUDIO:
                await self._say(session, request["transcript"], context)
            if context not in session.cancelled:
                await session.wire.send({"type": "done", "done": True, "status_code": 206, "context_id": context})

    async def _say(self, session: _Session, text: str, context: str) -> None:
        for event in self.events(text):
            await asyncio.sleep(self.pace)
            if context in session.cancelled:
                self.cancelled.append(text)
                return
            await session.wire.send({**event, "done": False, "status_code": 206, "context_id": context})

    def events(self, text: str) -> Iterator[dict[str, Any]]:
        """What it says for a text: the words that begin in a chunk come before it."""
        at, words = 0.0, said(text)
        for pcm in pieces(text, PIECE_BYTES + 1):
            end = at + length_ms(pcm)
            here = [word for word in words if at <= word.start_ms < end]
            if here:
                yield {"type": "timestamps", "word_timestamps": _timestamps(here)}
            yield {"type": "chunk", "data": base64.b64encode(pcm).decode(), "step_time": 1.5}
            at = end


def _timestamps(words: list[SaidWord]) -> dict[str, Any]:
    return {
        "words": [word.text for word in words],
        "start": [word.start_ms / 1000 for word in words],
        "end": [word.end_ms / 1000 for word in words],
    }
