"""Deepgram's streaming transcription: /v1/listen (nova) and /v2/listen (Flux).

Follows the message types of deepgram-sdk 7 (`deepgram.listen.v1.types`, `deepgram.listen.v2.types`) and
developers.deepgram.com: /docs/finalize, /docs/keep-alive, /docs/close-stream, /docs/endpointing, /docs/flux/state,
/docs/stt-troubleshooting-websocket-data-and-net-errors.
"""

from __future__ import annotations

import asyncio
import audioop
import json
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from tests.providers.emulators.ear import Ear, HeardWord, MakeEar, ToneEar
from tests.providers.emulators.emulator import Emulator, Wire

_STEP_BYTES = SAMPLE_RATE * 80 // 1000 * SAMPLE_BYTES


class DeepgramListen(Emulator):
    """:param ear: hears what a new connection is sent
    :param idle_seconds: a connection without audio or KeepAlive is closed after this time
    :param word_times: whether Flux tells when words were spoken
    """

    def __init__(
        self,
        *,
        ear: MakeEar = ToneEar,
        key: str = "emulated-key",
        idle_seconds: float = 10.0,
        word_times: bool = True,
    ) -> None:
        super().__init__(key=key)
        self._ear = ear
        self._idle_seconds = idle_seconds
        self._word_times = word_times
        self._live: set[WebSocket] = set()
        self.routes = [WebSocketRoute("/v1/listen", self._nova), WebSocketRoute("/v2/listen", self._flux)]

    def refusal(self, status: int) -> Any:
        """As in Deepgram's API reference."""
        return {"err_code": f"EMULATED_{status}", "err_msg": f"Emulated {status}.", "request_id": "emulated"}

    async def drop(self) -> None:
        """All connections are lost now."""
        live, self._live = self._live, set()
        for websocket in live:
            await websocket.close(1011, "NET-0000: emulated")

    async def _nova(self, websocket: WebSocket) -> None:
        if await self._denied(websocket):
            return
        async with self.accepted(websocket) as wire:
            await self._talk(_Nova(wire, self._ear(), websocket.query_params.get("endpointing", "10")), wire, websocket)

    async def _flux(self, websocket: WebSocket) -> None:
        if await self._denied(websocket):
            return
        async with self.accepted(websocket) as wire:
            flux = _Flux(wire, self._ear(), websocket.query_params, word_times=self._word_times)
            await flux.begin()
            await self._talk(flux, wire, websocket)

    async def _denied(self, websocket: WebSocket) -> bool:
        query = websocket.query_params
        if websocket.headers.get("authorization") != f"Token {self.key}":
            status, code, message = 401, "INVALID_AUTH", "Invalid credentials."
        elif query.get("encoding") not in ("linear16", "mulaw") or query.get("sample_rate") != str(SAMPLE_RATE):
            status, code, message = 400, "Bad Request", "Emulated: 8000 Hz linear16 or mulaw only."
        else:
            return False
        body = {"err_code": code, "err_msg": message, "request_id": "emulated"}
        await websocket.send_denial_response(JSONResponse(body, status_code=status))
        return True

    async def _talk(self, session: _Nova | _Flux, wire: Wire, websocket: WebSocket) -> None:
        self._live.add(websocket)
        try:
            await self._converse(session, wire, mulaw=websocket.query_params.get("encoding") == "mulaw")
        finally:
            self._live.discard(websocket)

    async def _converse(self, session: _Nova | _Flux, wire: Wire, *, mulaw: bool) -> None:
        while True:
            try:
                async with asyncio.timeout(self._idle_seconds):
                    message = await wire.receive()
            except TimeoutError:
                await wire.close(1011, "NET-0001: Deepgram did not receive audio data or a text message in time.")
                return
            if isinstance(message, bytes):
                await session.audio(audioop.ulaw2lin(message, SAMPLE_BYTES) if mulaw else message)
            elif await session.control(json.loads(message)):
                return


class _Nova:
    """Interim results twice a second of audio; final ones after a pause, after 5 s, and when asked."""

    def __init__(self, wire: Wire, ear: Ear, endpointing: str) -> None:
        self._wire = wire
        self._ear = ear
        self._endpointing_ms = int(endpointing) if endpointing.isdigit() else None
        self._final_ms = 0
        self._told_ms = 0

    async def audio(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), _STEP_BYTES):
            self._ear.push(pcm[at : at + _STEP_BYTES])
            now = self._ear.heard_ms
            words = self._words()
            quiet = now - words[-1].end_ms if words else 0
            if words and self._endpointing_ms is not None and quiet >= self._endpointing_ms:
                await self._tell(final=True, speech_final=True)
            elif now - self._final_ms >= 5000:
                await self._tell(final=True, until_ms=words[-1].end_ms if words else now)
            elif now - self._told_ms >= 500:
                await self._tell(final=False)

    async def control(self, message: dict[str, Any]) -> bool:
        """Returns whether the connection is over."""
        match message.get("type"):
            case "Finalize":
                if self._ear.heard_ms > self._final_ms:  # otherwise Deepgram does not answer
                    await self._tell(final=True, from_finalize=True)
            case "CloseStream":
                await self._tell(final=True)
                seconds = self._ear.heard_ms / 1000
                await self._wire.send(
                    {"type": "Metadata", "request_id": "emulated", "duration": seconds, "channels": 1}
                )
                return True
            case "KeepAlive":
                pass
            case _:
                await self._wire.send(
                    {
                        "type": "Error",
                        "variant": "SchemaError",
                        "description": "Unknown message.",
                        "message": str(message),
                    }
                )
        return False

    def _words(self) -> list[HeardWord]:
        return [word for word in self._ear.words if word.end_ms > self._final_ms]

    async def _tell(
        self, *, final: bool, speech_final: bool = False, from_finalize: bool = False, until_ms: int | None = None
    ) -> None:
        start, end = self._final_ms, self._ear.heard_ms if until_ms is None else until_ms
        words = self._words()
        self._told_ms = self._ear.heard_ms
        if final:
            self._final_ms = end
        alternative = {
            "transcript": " ".join(word.text for word in words),
            "confidence": 0.98 if words else 0.0,
            "words": [
                {
                    "word": word.text,
                    "start": word.start_ms / 1000,
                    "end": word.end_ms / 1000,
                    "confidence": 0.98,
                    "punctuated_word": word.text,
                }
                for word in words
            ],
        }
        await self._wire.send(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "duration": (end - start) / 1000,
                "start": start / 1000,
                "is_final": final,
                "speech_final": speech_final,
                "from_finalize": from_finalize,
                "channel": {"alternatives": [alternative]},
                "metadata": {"request_id": "emulated", "model_info": {"name": "emulated"}, "model_uuid": "emulated"},
            }
        )


class _Flux:
    """Turns: an update every 240 ms of audio, and a message at each change of the turn's state. The longer the quiet
    after the last word, the surer it is that the turn has ended."""

    def __init__(self, wire: Wire, ear: Ear, query: Any, *, word_times: bool) -> None:
        self._wire = wire
        self._ear = ear
        self._threshold = float(query.get("eot_threshold", 0.7))
        self._eager = float(query["eager_eot_threshold"]) if "eager_eot_threshold" in query else None
        self._timeout_ms = int(query.get("eot_timeout_ms", 5000))
        self._word_times = word_times
        self._sequence = 0
        self._turn = 0
        self._turn_start_ms = 0
        self._told_ms = 0
        self._known = 0
        self._eager_told = False

    async def begin(self) -> None:
        await self._send({"type": "Connected", "request_id": "emulated"})

    async def audio(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), _STEP_BYTES):
            self._ear.push(pcm[at : at + _STEP_BYTES])
            await self._step(self._words())

    async def _step(self, words: Sequence[HeardWord]) -> None:
        quiet = self._ear.heard_ms - words[-1].end_ms if words else 0
        sure = min(0.99, quiet / 800) if words else 0.0
        if words and not self._known:
            await self._tell("StartOfTurn", words, sure)
        elif self._eager_told and len(words) > self._known:
            self._eager_told = False
            await self._tell("TurnResumed", words, sure)
        elif words and (sure >= self._threshold or quiet >= self._timeout_ms):
            await self._end(words, sure, "model" if sure >= self._threshold else "timeout")
        elif words and self._eager is not None and sure >= self._eager and not self._eager_told:
            self._eager_told = True
            await self._tell("EagerEndOfTurn", words, sure)
        elif self._ear.heard_ms - self._told_ms >= 240:
            await self._tell("Update", words, sure)

    async def control(self, message: dict[str, Any]) -> bool:
        """Returns whether the connection is over."""
        match message.get("type"):
            case "ForceEndTurn":
                if words := self._words():
                    await self._end(words, 0.5, "manual")
            case "CloseStream":
                return True
            case _:
                await self._send(
                    {"type": "Error", "code": "UNPARSABLE_CLIENT_MESSAGE", "description": "Unknown message."}
                )
                await self._wire.close(1008, "UNPARSABLE_CLIENT_MESSAGE")
                return True
        return False

    def _words(self) -> list[HeardWord]:
        return [word for word in self._ear.words if word.end_ms > self._turn_start_ms]

    async def _end(self, words: Sequence[HeardWord], sure: float, trigger: str) -> None:
        await self._tell("EndOfTurn", words, sure, trigger=trigger)
        self._turn += 1
        self._turn_start_ms, self._known, self._eager_told = self._ear.heard_ms, 0, False

    async def _tell(self, event: str, words: Sequence[HeardWord], sure: float, **more: Any) -> None:
        self._told_ms, self._known = self._ear.heard_ms, len(words)
        listed = [{"word": word.text, "confidence": 0.97, **self._times(word)} for word in words]
        await self._send(
            {
                "type": "TurnInfo",
                "request_id": "emulated",
                "event": event,
                "turn_index": self._turn,
                "audio_window_start": self._turn_start_ms / 1000,
                "audio_window_end": self._ear.heard_ms / 1000,
                "transcript": " ".join(word.text for word in words),
                "words": listed,
                "end_of_turn_confidence": round(sure, 4),
                **more,
            }
        )

    def _times(self, word: HeardWord) -> dict[str, float]:
        return {"start": word.start_ms / 1000, "end": word.end_ms / 1000} if self._word_times else {}

    async def _send(self, message: dict[str, Any]) -> None:
        await self._wire.send({**message, "sequence_id": self._sequence})
        self._sequence += 1
