"""Azure's text to speech over REST, after Microsoft's "Text to speech REST API" and the SSML of W3C."""

from __future__ import annotations

import audioop
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.providers.emulators.emulator import Emulator
from tests.providers.emulators.speaking import Speaking

_SPEAK = "{http://www.w3.org/2001/10/synthesis}"
_RATES = {"raw-8khz-8bit-mono-mulaw": 8}
"""Bytes per ms by output format, of those that are played here."""


class AzureSpeech(Emulator):
    """Speaks tone words. Refuses as Azure does: 401 without the key, 400 for SSML that is none, 415 for another content
    type; the bodies of those are empty."""

    def __init__(self, *, key: str = "emulated-key", speaking: Speaking | None = None) -> None:
        super().__init__(key=key)
        self.speaking = speaking or Speaking()
        self.routes = [Route("/cognitiveservices/v1", self._speak, methods=["POST"])]

    async def _speak(self, request: Request) -> Response:
        seen = await self.note(request)
        if seen.headers.get("ocp-apim-subscription-key") != self.key:
            return Response(status_code=401)
        if seen.headers.get("content-type") != "application/ssml+xml":
            return Response(status_code=415)
        bytes_per_ms = _RATES.get(seen.headers.get("x-microsoft-outputformat", ""))
        text = _said(seen.body)
        if text is None or bytes_per_ms is None or not seen.headers.get("user-agent"):
            return Response(status_code=400)
        audio = audioop.lin2ulaw(self.speaking.pcm(text), 2)
        return await self.answer(self.speaking.pieces(audio, bytes_per_ms), media_type="audio/basic")


def _said(body: bytes) -> str | None:
    """The text within `voice`; None when the body is not valid."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None
    voice = root.find(f"{_SPEAK}voice")
    valid = root.tag == f"{_SPEAK}speak" and root.get("version") == "1.0" and voice is not None and voice.get("name")
    return "".join(voice.itertext()) if valid and voice is not None else None
