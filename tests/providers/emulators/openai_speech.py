"""OpenAI's `POST /audio/speech`, after the API reference's "Create speech" and the types of the openai package."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

import numpy as np
import soxr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.providers.emulators.emulator import Emulator
from tests.providers.emulators.speaking import Speaking

_RATE = 24000
_LONGEST = 4096


class OpenAiSpeech(Emulator):
    """Speaks tone words as PCM at 24000 Hz, plain or as events.

    :param plain: knows no `stream_format`, as most servers of others
    """

    def __init__(self, *, key: str = "emulated-key", speaking: Speaking | None = None, plain: bool = False) -> None:
        super().__init__(key=key)
        self.speaking = speaking or Speaking()
        self.plain = plain
        self.routes = [
            Route("/audio/speech", self._speak, methods=["POST"]),
            Route("/models/{model}", self._model),
        ]

    def refusal(self, status: int) -> Any:
        """An error object, as all of the API has it."""
        kinds = {401: ("invalid_request_error", "invalid_api_key"), 429: ("requests", "rate_limit_exceeded")}
        kind, code = kinds.get(status, ("server_error", None))
        return {"error": {"message": f"emulated {status}", "type": kind, "param": None, "code": code}}

    async def _model(self, request: Request) -> Response:
        return JSONResponse({"id": request.path_params["model"], "object": "model", "created": 0, "owned_by": "openai"})

    async def _speak(self, request: Request) -> Response:
        asked = (await self.note(request)).json
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse(self.refusal(401), status_code=401)
        text, model = asked.get("input", ""), asked.get("model", "")
        events = asked.get("stream_format") == "sse" and not self.plain
        if not (0 < len(text) <= _LONGEST and asked.get("voice") and asked.get("response_format") == "pcm"):
            return JSONResponse(self.refusal(400), status_code=400)
        if events and model.startswith("tts-1"):
            return JSONResponse(self.refusal(400), status_code=400)
        samples = np.frombuffer(self.speaking.pcm(text), "<i2")
        pcm = soxr.resample(samples, 8000, _RATE).astype("<i2").tobytes()
        pieces = self.speaking.pieces(pcm, 2 * _RATE / 1000)
        if events:
            return await self.answer(_events(pieces, text, len(pcm)), media_type="text/event-stream")
        return await self.answer(pieces, media_type="audio/pcm")


async def _events(pieces: AsyncIterable[bytes], text: str, size: int) -> AsyncGenerator[bytes, None]:
    """`speech.audio.delta` for each piece, then `speech.audio.done` with the tokens."""
    async for piece in pieces:
        yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    spoken = {"input_tokens": len(text.split()), "output_tokens": size * 20 // (2 * _RATE)}
    usage = {**spoken, "total_tokens": sum(spoken.values())}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(content: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode()
