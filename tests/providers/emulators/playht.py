"""PlayHT's streaming endpoint, after docs.play.ht/reference/api-generate-tts-audio-stream; errors have `error_id` and
`error_message`."""

from __future__ import annotations

import audioop
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from tests.providers.emulators.emulator import Emulator
from tests.providers.emulators.speaking import Speaking

_BYTES_PER_MS = SAMPLE_RATE // 1000
_LONGEST = {"Play3.0-mini": 20_000}
_LONGEST_OF_OTHERS = 2000


class PlayHTEmulator(Emulator):
    """Speaks tone words, in µ-law. A key belongs to a user."""

    def __init__(self, *, key: str = "emulated-key", user: str = "emulated-user", speaking: Speaking | None = None):
        super().__init__(key=key)
        self.user = user
        self.speaking = speaking or Speaking()
        self.routes = [Route("/api/v2/tts/stream", self._speak, methods=["POST"])]

    def refusal(self, status: int) -> dict[str, Any]:
        """As PlayHT's errors."""
        return {"error_id": "EMULATED", "error_message": f"Emulated refusal {status}."}

    async def _speak(self, request: Request) -> Response:
        seen = await self.note(request)
        if (seen.headers.get("authorization"), seen.headers.get("x-user-id")) != (f"Bearer {self.key}", self.user):
            return JSONResponse(self.refusal(403), status_code=403)
        wanted = seen.json
        longest = _LONGEST.get(wanted.get("voice_engine"), _LONGEST_OF_OTHERS)
        if not 0 < len(wanted.get("text", "")) <= longest or not wanted.get("voice"):
            return JSONResponse(self.refusal(400), status_code=400)
        if (wanted.get("output_format"), wanted.get("sample_rate")) != ("mulaw", SAMPLE_RATE):
            return JSONResponse(self.refusal(400), status_code=400)
        audio = audioop.lin2ulaw(self.speaking.pcm(wanted["text"]), SAMPLE_BYTES)
        return await self.answer(self.speaking.pieces(audio, _BYTES_PER_MS), media_type="audio/basic")
