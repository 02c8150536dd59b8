"""OpenAI's transcription sessions, after the "Realtime transcription" guide and the types of openai.types.realtime."""

from __future__ import annotations

import audioop
import base64
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from tests.providers.emulators.ear import Ear, HeardWord, MakeEar
from tests.providers.emulators.emulator import Emulator, Wire

_MODELS = ("gpt-4o-transcribe", "gpt-4o-mini-transcribe", "whisper-1")
_SHORTEST_BYTES = 800
"""100 ms of 8000 Hz µ-law."""
_SILENCE = bytes(16000)


@dataclass
class _Session:
    ear: Ear
    configured: bool = False
    buffered: bytes = b""
    told: int = 0
    last_item: str | None = None
    numbers: itertools.count[int] = field(default_factory=itertools.count)


class OpenAiRealtimeTranscription(Emulator):
    """`/v1/realtime?intent=transcription`. Committed audio is told word by word, then whole.

    :param make_ear: what a session hears of its audio
    """

    def __init__(self, make_ear: MakeEar, *, key: str = "emulated-key") -> None:
        super().__init__(key=key)
        self._make_ear = make_ear
        self.routes = [WebSocketRoute("/v1/realtime", self._session)]

    @property
    def api_url(self) -> str:
        """What the SDK has as its base URL."""
        return f"{self.url}/v1"

    def refusal(self, status: int) -> Any:
        """As in the "Error codes" guide."""
        kinds = {401: ("invalid_request_error", "invalid_api_key"), 429: ("requests", "rate_limit_exceeded")}
        kind, code = kinds.get(status, ("server_error", None))
        return {"error": {"message": f"emulated {status}", "type": kind, "param": None, "code": code}}

    async def _session(self, websocket: WebSocket) -> None:
        if websocket.headers.get("authorization") != f"Bearer {self.key}":
            await websocket.send_denial_response(JSONResponse(self.refusal(401), status_code=401))
            return
        async with self.accepted(websocket) as wire:
            session = _Session(self._make_ear())
            await self._tell(wire, session, "session.created", session={"type": "transcription"})
            while True:
                await self._answer_event(wire, session, json.loads(await wire.receive()))

    async def _answer_event(self, wire: Wire, session: _Session, event: dict[str, Any]) -> None:
        match event["type"]:
            case "session.update":
                await self._configure(wire, session, event["session"])
            case "input_audio_buffer.append" if session.configured:
                session.buffered += base64.b64decode(event["audio"], validate=True)
            case "input_audio_buffer.clear" if session.configured:
                session.buffered = b""
                await self._tell(wire, session, "input_audio_buffer.cleared")
            case "input_audio_buffer.commit" if session.configured:
                await self._commit(wire, session)
            case _:
                await self._complain(wire, session, f"Invalid value: '{event['type']}'.", "invalid_value")

    async def _configure(self, wire: Wire, session: _Session, wanted: dict[str, Any]) -> None:
        audio = wanted["audio"]["input"]
        if audio["transcription"]["model"] not in _MODELS:
            await self._complain(wire, session, "Model not found.", "model_not_found")
            return
        if wanted["type"] != "transcription" or audio["format"] != {"type": "audio/pcmu"}:
            await self._complain(wire, session, "Invalid value.", "invalid_value")
            return
        assert audio["turn_detection"] is None, "this emulator hears what is committed, and nothing else"
        session.configured = True
        await self._tell(wire, session, "session.updated", session=wanted)

    async def _commit(self, wire: Wire, session: _Session) -> None:
        if len(session.buffered) < _SHORTEST_BYTES:
            await self._complain(wire, session, "Buffer too small.", "input_audio_buffer_commit_empty")
            return
        ulaw, session.buffered = session.buffered, b""
        session.ear.push(audioop.ulaw2lin(ulaw, 2) + _SILENCE)
        words = session.ear.words[session.told :]
        session.told += len(words)
        item = f"item_{next(session.numbers)}"
        before, session.last_item = session.last_item, item
        await self._tell(wire, session, "input_audio_buffer.committed", item_id=item, previous_item_id=before)
        await self._transcribe(wire, session, item, words, len(ulaw) / 8000)

    async def _transcribe(
        self, wire: Wire, session: _Session, item: str, words: list[HeardWord], seconds: float
    ) -> None:
        beginning = "conversation.item.input_audio_transcription."
        place = {"item_id": item, "content_index": 0}
        for number, word in enumerate(words):
            delta = f" {word.text}" if number else word.text
            await self._tell(wire, session, beginning + "delta", delta=delta, **place)
        audio_tokens = round(seconds * 10)
        usage = {
            "type": "tokens",
            "input_tokens": audio_tokens,
            "input_token_details": {"audio_tokens": audio_tokens, "text_tokens": 0},
            "output_tokens": len(words),
            "total_tokens": audio_tokens + len(words),
        }
        text = " ".join(word.text for word in words)
        logprobs = [{"token": word.text, "logprob": -0.1, "bytes": []} for word in words]
        await self._tell(
            wire, session, beginning + "completed", transcript=text, usage=usage, logprobs=logprobs, **place
        )

    async def _complain(self, wire: Wire, session: _Session, message: str, code: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": None}
        await self._tell(wire, session, "error", error=error)

    async def _tell(self, wire: Wire, state: _Session, kind: str, **content: Any) -> None:
        await wire.send({"type": kind, "event_id": f"event_{next(state.numbers)}", **content})
