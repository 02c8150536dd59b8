"""Deepgram's text to speech by WebSocket, /v1/speak.

Follows developers.deepgram.com/reference/text-to-speech/speak-streaming and `deepgram.speak.v1.types` of the official
SDK: binary audio, `Metadata`, `Flushed`, `Cleared` and `Warning`; errors are close frames. A refused handshake has the
body of developers.deepgram.com/docs/errors.
"""

from __future__ import annotations

import asyncio
import audioop
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from gateway.media.audio import SAMPLE_BYTES
from tests.providers.emulators.emulator import Wire
from tests.providers.emulators.fault import STATUS, Fault, Kind
from tests.providers.emulators.streaming_voice import SpeakingEmulator, pieces, until_one_ends

_FLUSHES, _FLUSHES_SECONDS = 20, 60.0


@dataclass
class _Session:
    """A connection. `clears` counts the wishes to stop, so that what was asked for before is not said."""

    wire: Wire
    work: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    text: str = ""
    clears: int = 0
    flushes: deque[float] = field(default_factory=lambda: deque(maxlen=_FLUSHES))
    sequence: int = 0


class DeepgramSpeakEmulator(SpeakingEmulator):
    """Says each word of a text as a tone word, in µ-law."""

    def __init__(self, *, key: str = "emulated-key", pace: float = 0.0, idle_seconds: float = 3600.0) -> None:
        super().__init__(key=key, pace=pace, idle_seconds=idle_seconds)
        self.routes = [WebSocketRoute("/v1/speak", self._listen)]

    def refusal(self, status: int) -> dict[str, Any]:
        """As Deepgram's HTTP errors."""
        return {"err_code": "EMULATED", "err_msg": f"Emulated refusal {status}.", "request_id": "emulated"}

    async def _listen(self, websocket: WebSocket) -> None:
        if websocket.headers.get("authorization") != f"Token {self.key}":
            await websocket.send_denial_response(JSONResponse(self.refusal(401), status_code=401))
            return
        async with self.accepted(websocket) as wire:
            if wire.refused:
                return
            session = _Session(wire)
            model = wire.seen.query.get("model", "")
            metadata = {"request_id": "emulated", "model_name": model, "model_version": "1", "model_uuid": "emulated"}
            await wire.send({"type": "Metadata", **metadata})
            await until_one_ends(self._read(session), self._speak(session))

    async def _read(self, session: _Session) -> None:
        while True:
            try:
                async with asyncio.timeout(self.idle_seconds):
                    message = json.loads(await session.wire.receive())
            except TimeoutError:
                await session.wire.close(1011, "NET-0001")
                return
            match message["type"]:
                case "Speak":
                    session.text += message["text"]
                case "Flush":
                    session.work.put_nowait(("Flush", session.text))
                    session.text = ""
                case "Clear":
                    session.text = ""
                    session.clears += 1
                    session.work.put_nowait(("Clear", ""))
                case "Close":
                    return

    async def _speak(self, session: _Session) -> None:
        while True:
            kind, text = await session.work.get()
            if kind == "Clear":
                session.clears -= 1
                await session.wire.send({"type": "Cleared", "sequence_id": session.sequence})
            elif not self._may_flush(session):
                warning = {"description": "Too many flushes in a minute.", "code": "EXCESSIVE_FLUSHES"}
                await session.wire.send({"type": "Warning", **warning})
            elif not await self._flush(session, text):
                return

    async def _flush(self, session: _Session, text: str) -> bool:
        """Say a text; whether the connection goes on."""
        fault = self.fault_of_text()
        if fault is not None and fault.kind is Kind.HANG_AT_CONNECT:
            fault = Fault(Kind.HANG_MID_STREAM, after=0)
        session.wire.suffer(fault)
        if fault is not None and fault.kind in STATUS:
            await session.wire.close(1011, "NET-0000")
            return False
        silent = fault is not None and fault.kind is Kind.ZERO_AUDIO
        if not silent and not await self._say(session, text):
            return True
        await session.wire.send({"type": "Flushed", "sequence_id": session.sequence})
        session.sequence += 1
        return True

    async def _say(self, session: _Session, text: str) -> bool:
        """Whether all was said."""
        for pcm in pieces(text):
            await asyncio.sleep(self.pace)
            if session.clears:
                self.cancelled.append(text)
                return False
            await session.wire.send(audioop.lin2ulaw(pcm, SAMPLE_BYTES))
        return True

    def _may_flush(self, session: _Session) -> bool:
        now = asyncio.get_running_loop().time()
        often = len(session.flushes) == _FLUSHES and now - session.flushes[0] < _FLUSHES_SECONDS
        if not often:
            session.flushes.append(now)
        return not often
