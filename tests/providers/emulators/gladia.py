"""Gladia's live transcription, version 2, after "Initiate a session" and "Live WebSocket" of its API reference, and the
types of its Python SDK (gladiaio_sdk.v2.live)."""

from __future__ import annotations

import audioop
import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.providers.emulators.ear import MakeEar
from tests.providers.emulators.emulator import Emulator, Wire
from tests.providers.emulators.endpointing import Endpointing
from tests.providers.emulators.fault import STATUS, Kind

_CREATED = "2026-05-12T10:00:00.000Z"


@dataclass
class _Session:
    name: str
    settings: dict[str, Any]
    speech: Endpointing
    received: int = 0
    """Bytes of audio."""
    utterance: int = 0


class Gladia(Emulator):
    """`POST /v2/live`, then the WebSocket that it names; a session goes on when its WebSocket is opened again.

    :param make_ear: what a session hears of its audio
    :param confidence: of each utterance
    """

    def __init__(self, make_ear: MakeEar, *, key: str = "emulated-key", confidence: float = 0.9) -> None:
        super().__init__(key=key)
        self._make_ear = make_ear
        self._confidence = confidence
        self._sessions: dict[str, _Session] = {}
        self.routes = [
            Route("/v2/live", self._initiate, methods=["POST"]),
            WebSocketRoute("/v2/live", self._connection),
        ]

    def refusal(self, status: int) -> Any:
        """As its HTTP errors are."""
        return {"statusCode": status, "message": f"emulated {status}", "path": "/v2/live", "request_id": "G-emulated"}

    async def _initiate(self, request: Request) -> Response:
        seen = await self.note(request)
        fault = self.fault
        if fault is not None and (fault.kind in STATUS or fault.kind is Kind.HANG_AT_CONNECT):
            refused = await self.refuse(self.take_fault())
            assert refused is not None
            return refused
        if request.headers.get("x-gladia-key") != self.key:
            return JSONResponse(self.refusal(401), status_code=401)
        settings = seen.json
        if (settings["encoding"], settings["bit_depth"], settings["sample_rate"]) != ("wav/ulaw", 8, 8000):
            return JSONResponse(self.refusal(422), status_code=422)
        name = f"session-{len(self._sessions)}"
        speech = Endpointing(self._make_ear(), round(1000 * settings["endpointing"]))
        self._sessions[name] = _Session(name, settings, speech)
        url = f"{self.ws_url}/v2/live?token={name}"
        return JSONResponse({"id": name, "created_at": _CREATED, "url": url}, status_code=201)

    async def _connection(self, websocket: WebSocket) -> None:
        session = self._sessions.get(websocket.query_params.get("token", ""))
        if session is None:
            await websocket.send_denial_response(JSONResponse(self.refusal(404), status_code=404))
            return
        async with self.accepted(websocket) as wire:
            while True:
                message = await wire.receive()
                if isinstance(message, str):
                    assert json.loads(message) == {"type": "stop_recording"}
                    await self._tell_words(wire, session, ends=bool(session.speech.words))
                    return
                await self._take(wire, session, message)

    async def _take(self, wire: Wire, session: _Session, ulaw: bytes) -> None:
        first, session.received = session.received, session.received + len(ulaw)
        if session.settings["messages_config"]["receive_acknowledgments"]:
            ranges = {
                "byte_range": [first, session.received],
                "time_range": [first / 8000, session.received / 8000],
            }
            await self._tell(wire, session, "audio_chunk", acknowledged=True, error=None, data=ranges)
        for _ in session.speech.push(audioop.ulaw2lin(ulaw, 2)):
            await self._tell_words(wire, session, ends=session.speech.over)

    async def _tell_words(self, wire: Wire, session: _Session, *, ends: bool) -> None:
        partials = session.settings["messages_config"]["receive_partial_transcripts"]
        if session.speech.news and partials:
            await self._tell(wire, session, "transcript", data=self._transcript(session, final=False))
        if ends:
            content = self._transcript(session, final=True)
            session.speech.next()
            session.utterance += 1
            await self._tell(wire, session, "transcript", data=content)

    def _transcript(self, session: _Session, *, final: bool) -> dict[str, Any]:
        words = [
            {"word": f" {word.text}", "start": word.start_ms / 1000, "end": word.end_ms / 1000, "confidence": 0.9}
            for word in session.speech.words
        ]
        return {
            "id": f"00-{session.utterance:08}",
            "is_final": final,
            "utterance": {
                "text": session.speech.text,
                "start": words[0]["start"],
                "end": words[-1]["end"],
                "language": "en",
                "channel": 0,
                "confidence": self._confidence,
                "words": words,
            },
        }

    async def _tell(self, wire: Wire, session: _Session, kind: str, **content: Any) -> None:
        await wire.send({"type": kind, "session_id": session.name, "created_at": _CREATED, **content})
