"""Gemini's generateContent with audio inline.

Follows https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/audio and
https://ai.google.dev/gemini-api/docs/structured-output.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.providers.emulators.ear import MakeEar
from tests.providers.emulators.emulator import Emulator
from tests.providers.emulators.wav_file import pcm_of, whole

_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
_SILENCE = bytes(16000)
_TOKENS_PER_SECOND = 32
_PROMPT_TOKENS = 90


class GeminiAudio(Emulator):
    """:param make_ear: hears all files, one after the other
    :param finish: why the model stops; for another reason than STOP it says nothing
    """

    def __init__(self, make_ear: MakeEar, *, key: str = "emulated-key", finish: str = "STOP") -> None:
        super().__init__(key=key)
        self._ear = make_ear()
        self._finish = finish
        self.routes = [Route("/{version}/models/{model}:generateContent", self._generate, methods=["POST"])]

    def refusal(self, status: int) -> Any:
        """Google's error body."""
        return {"error": {"code": status, "message": f"emulated {status}", "status": _STATUS.get(status, "INTERNAL")}}

    async def _generate(self, request: Request) -> Response:
        seen = await self.note(request)
        if seen.headers.get("x-goog-api-key") != self.key:
            error = {"code": 400, "message": "API key not valid. Please pass a valid API key."}
            return JSONResponse({"error": {**error, "status": "INVALID_ARGUMENT"}}, status_code=400)
        (content,) = seen.json["contents"]
        (part,) = content["parts"]
        config = seen.json["generationConfig"]
        inline = part["inlineData"]
        assert inline.get("mimeType", inline.get("mime_type")) == "audio/wav"  # the SDK has it so, and protobuf too
        assert config["responseMimeType"] == "application/json"
        assert set(config["responseSchema"]["properties"]) == {"transcript"}
        answer = self._heard(pcm_of(base64.urlsafe_b64decode(inline["data"])))
        return await self.answer(whole(JSONResponse(answer).body), media_type="application/json")

    def _heard(self, pcm: bytes) -> dict[str, Any]:
        before = len(self._ear.words)
        self._ear.push(pcm + _SILENCE)
        words = [word.text for word in self._ear.words[before:]]
        said = json.dumps({"transcript": " ".join(words)})
        content = {"role": "model", "parts": [{"text": said}]} if self._finish == "STOP" else {"role": "model"}
        audio, completion = round(len(pcm) / 16000 * _TOKENS_PER_SECOND), len(words) + 5
        prompt = audio + _PROMPT_TOKENS
        return {
            "candidates": [{"content": content, "finishReason": self._finish, "index": 0}],
            "usageMetadata": {
                "promptTokenCount": prompt,
                "candidatesTokenCount": completion,
                "totalTokenCount": prompt + completion,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": _PROMPT_TOKENS},
                    {"modality": "AUDIO", "tokenCount": audio},
                ],
            },
            "modelVersion": "emulated",
        }
