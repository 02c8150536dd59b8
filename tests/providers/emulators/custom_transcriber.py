"""A user's own transcription server, after Vapi's "Custom transcriber" and its OpenAPI document."""

from __future__ import annotations

import json

import numpy as np
from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from tests.providers.emulators.ear import MakeEar
from tests.providers.emulators.emulator import Emulator, Wire
from tests.providers.emulators.endpointing import Endpointing

_START = {"type": "start", "encoding": "linear16", "container": "raw", "sampleRate": 16000, "channels": 2}


class CustomTranscriberServer(Emulator):
    """Any path. Tells the caller's words as they come, and an utterance after some quiet.

    :param make_ear: what it hears of the caller's channel
    :param partials: tell texts that may change
    :param quiet_ms: ends an utterance
    """

    def __init__(
        self, make_ear: MakeEar, *, key: str = "emulated-key", partials: bool = True, quiet_ms: int = 300
    ) -> None:
        super().__init__(key=key)
        self._make_ear = make_ear
        self._partials = partials
        self._quiet_ms = quiet_ms
        self.agent = bytearray()
        """What came on the agent's channel: 16000 Hz s16le."""
        self.routes = [WebSocketRoute("/{path:path}", self._connection)]

    async def _connection(self, websocket: WebSocket) -> None:
        if websocket.headers.get("x-vapi-secret", "") != self.key:
            await websocket.send_denial_response(JSONResponse({"error": "the secret is wrong"}, status_code=401))
            return
        async with self.accepted(websocket) as wire:
            start = await wire.receive()
            assert isinstance(start, str)
            assert json.loads(start) == _START
            speech = Endpointing(self._make_ear(), self._quiet_ms)
            while True:
                audio = await wire.receive()
                assert isinstance(audio, bytes)
                for _ in speech.push(self._customer(audio)):
                    await self._tell(wire, speech)

    def _customer(self, audio: bytes) -> bytes:
        """The caller's channel at 8000 Hz. It came from there, so every second sample has all of it."""
        channels = np.frombuffer(audio, "<i2").reshape(-1, 2)
        self.agent += channels[:, 1].tobytes()
        return channels[::2, 0].tobytes()

    async def _tell(self, wire: Wire, speech: Endpointing) -> None:
        news, over = speech.news, speech.over
        if news and not over and self._partials:
            await self._respond(wire, speech.text, "partial")
        if over:
            text = speech.text
            speech.next()
            await self._respond(wire, text, "final")

    async def _respond(self, wire: Wire, text: str, kind: str) -> None:
        await wire.send(
            {
                "type": "transcriber-response",
                "transcription": text,
                "channel": "customer",
                "transcriptType": kind,
            }
        )
