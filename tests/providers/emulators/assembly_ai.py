"""AssemblyAI's Universal streaming, after "Message sequence" and "Common session errors and closures" of its
documentation, and the types of its Python SDK (assemblyai.streaming.v3)."""

from __future__ import annotations

import audioop
import json
from dataclasses import dataclass
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from tests.providers.emulators.ear import Ear, HeardWord, MakeEar
from tests.providers.emulators.emulator import Emulator, Wire

_QUIET_MS = 400
"""Ends a turn by itself."""


@dataclass
class _Turn:
    ear: Ear
    formatted: bool
    order: int = 0
    told: int = 0
    """Words of the turns before this one."""
    words: int = 0
    """Words of this turn that were sent."""

    @property
    def heard(self) -> list[HeardWord]:
        return self.ear.words[self.told :]

    @property
    def over(self) -> bool:
        return bool(self.heard) and self.ear.heard_ms - self.heard[-1].end_ms >= _QUIET_MS


class AssemblyAi(Emulator):
    """`/v3/ws`. A turn is told with each word; it ends by 400 ms of quiet or `ForceEndpoint`.

    :param make_ear: what a session hears of its audio
    :param confidence: of each word
    """

    def __init__(self, make_ear: MakeEar, *, key: str = "emulated-key", confidence: float = 0.9) -> None:
        super().__init__(key=key)
        self._make_ear = make_ear
        self._confidence = confidence
        self.routes = [WebSocketRoute("/v3/ws", self._session)]

    def refusal(self, status: int) -> Any:
        """What a refused handshake says."""
        return {"error": f"emulated {status}"}

    async def _session(self, websocket: WebSocket) -> None:
        async with self.accepted(websocket) as wire:
            query = websocket.query_params
            if websocket.headers.get("authorization") != self.key:
                await self._complain(wire, 1008, "Unauthorized Connection: Missing or invalid authorization")
                return
            if (query.get("sample_rate"), query.get("encoding")) != ("8000", "pcm_mulaw"):
                await self._complain(wire, 3006, "Input validation error")
                return
            turn = _Turn(self._make_ear(), query.get("format_turns") == "true")
            await wire.greet({"type": "Begin", "id": "emulated-session", "expires_at": 1759796682})
            while await self._answer_message(wire, turn, await wire.receive()):
                pass

    async def _answer_message(self, wire: Wire, turn: _Turn, message: str | bytes) -> bool:
        """Returns whether the session goes on."""
        if isinstance(message, bytes):
            if not 400 <= len(message) <= 8000:
                await self._complain(wire, 3007, "Input duration violation. Expected between 50 and 1000 ms")
                return False
            turn.ear.push(audioop.ulaw2lin(message, 2))
            await self._tell(wire, turn, ends=turn.over)
            return True
        match json.loads(message)["type"]:
            case "ForceEndpoint":
                await self._tell(wire, turn, ends=bool(turn.heard))
            case "Terminate":
                await wire.send({"type": "Termination", "audio_duration_seconds": turn.ear.heard_ms // 1000})
                return False
        return True

    async def _tell(self, wire: Wire, turn: _Turn, *, ends: bool) -> None:
        if len(turn.heard) > turn.words and not ends:
            turn.words = len(turn.heard)
            await wire.send(self._turn(turn, ends=False, formatted=False))
        if ends:
            await wire.send(self._turn(turn, ends=True, formatted=False))
            if turn.formatted:
                await wire.send(self._turn(turn, ends=True, formatted=True))
            turn.told, turn.words, turn.order = turn.told + len(turn.heard), 0, turn.order + 1

    def _turn(self, turn: _Turn, *, ends: bool, formatted: bool) -> dict[str, Any]:
        texts = [word.text for word in turn.heard]
        if formatted:
            texts = [texts[0].capitalize(), *texts[1:-1], texts[-1] + "."] if len(texts) > 1 else [f"{texts[0]}."]
        words = [
            {"start": word.start_ms, "end": word.end_ms, "text": text, "confidence": self._confidence}
            for word, text in zip(turn.heard, texts, strict=True)
        ]
        for number, word in enumerate(words):
            word["word_is_final"] = ends or number < len(words) - 1
        return {
            "type": "Turn",
            "turn_order": turn.order,
            "turn_is_formatted": formatted,
            "end_of_turn": ends,
            "transcript": " ".join(texts if ends else texts[:-1]),
            "end_of_turn_confidence": 0.8 if ends else 0.02,
            "words": words,
            "utterance": "",
        }

    async def _complain(self, wire: Wire, code: int, error: str) -> None:
        await wire.send({"type": "Error", "error_code": code, "error": error})
        await wire.close(code, "See Error message for details")
