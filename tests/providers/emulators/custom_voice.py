"""A user's own voice server, after Vapi's "Custom TTS integration" and `ServerMessageVoiceRequest`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.providers.emulators.emulator import Emulator
from tests.providers.emulators.speaking import Speaking


class CustomVoiceServer(Emulator):
    """Speaks tone words as raw s16le at 8000 Hz. Answers 401 without the secret and 400 for another message."""

    def __init__(self, *, key: str = "emulated-key", speaking: Speaking | None = None) -> None:
        super().__init__(key=key)
        self.speaking = speaking or Speaking()
        self.routes = [Route("/{path:path}", self._speak, methods=["POST"])]

    async def _speak(self, request: Request) -> Response:
        message = (await self.note(request)).json.get("message") or {}
        if request.headers.get("x-vapi-secret") != self.key:
            return JSONResponse({"error": "the secret is missing or wrong"}, status_code=401)
        if message.get("type") != "voice-request" or message.get("sampleRate") != 8000 or not message.get("text"):
            return JSONResponse({"error": "no voice-request at 8000 Hz"}, status_code=400)
        pieces = self.speaking.pieces(self.speaking.pcm(message["text"]), 16)
        return await self.answer(pieces, media_type="application/octet-stream")
