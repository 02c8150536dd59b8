"""OpenAI's transcription of files, after "Create transcription" of its API reference."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.providers.emulators.ear import Ear, MakeEar
from tests.providers.emulators.emulator import Emulator, Seen
from tests.providers.emulators.wav_file import pcm_of, whole

_SILENCE = bytes(16000)


class OpenAiAudio(Emulator):
    """`POST /v1/audio/transcriptions`. What is billed is the file's duration for whisper, else tokens.

    :param make_ear: hears all files, one after the other
    """

    def __init__(self, make_ear: MakeEar, *, key: str = "emulated-key", usage: bool = True) -> None:
        super().__init__(key=key)
        self._ear: Ear = make_ear()
        self._usage = usage
        self.routes = [Route("/v1/audio/transcriptions", self._transcribe, methods=["POST"])]

    @property
    def api_url(self) -> str:
        """What the SDK has as its base URL."""
        return f"{self.url}/v1"

    def refusal(self, status: int) -> Any:
        """As in the "Error codes" guide."""
        return {
            "error": {"message": f"emulated {status}", "type": "invalid_request_error", "param": None, "code": None}
        }

    async def _transcribe(self, request: Request) -> Response:
        seen = await self.note(request)
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse(self.refusal(401), status_code=401)
        form = fields(seen)
        pcm = pcm_of(form["file"])
        if len(pcm) < 1600:
            return JSONResponse(self.refusal(400), status_code=400)
        answer = self._heard(pcm, verbose=form["response_format"] == b"verbose_json")
        return await self.answer(whole(JSONResponse(answer).body), media_type="application/json")

    def _heard(self, pcm: bytes, *, verbose: bool) -> dict[str, Any]:
        before, seconds = len(self._ear.words), len(pcm) / 16000
        self._ear.push(pcm + _SILENCE)
        text = " ".join(word.text for word in self._ear.words[before:])
        if not verbose:
            tokens = {"input_tokens": round(seconds * 10), "output_tokens": len(text.split())}
            usage = {"type": "tokens", **tokens, "total_tokens": sum(tokens.values())}
            return {"text": text, "usage": usage} if self._usage else {"text": text}
        segment = {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": seconds,
            "text": f" {text or 'Thank you.'}",
            "tokens": [],
            "temperature": 0.0,
            "avg_logprob": -0.2 if text else -1.3,
            "compression_ratio": 1.0,
            "no_speech_prob": 0.01 if text else 0.95,
        }
        usage = {"usage": {"type": "duration", "seconds": round(seconds)}} if self._usage else {}
        return {
            "task": "transcribe",
            "language": "english",
            "duration": seconds,
            "text": segment["text"],
            "segments": [segment],
            **usage,
        }


def fields(seen: Seen) -> dict[str, bytes]:
    """The fields of a form (RFC 7578)."""
    boundary = seen.headers["content-type"].partition("boundary=")[2].encode()
    parts = [part.partition(b"\r\n\r\n") for part in seen.body.split(b"--" + boundary)[1:-1]]
    named = ((re.search(rb'name="([^"]+)"', head), content) for head, _, content in parts)
    return {found[1].decode(): content.removesuffix(b"\r\n") for found, content in named if found}
