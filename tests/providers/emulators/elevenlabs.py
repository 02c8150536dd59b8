"""ElevenLabs' text to speech by multi-context WebSocket.

Follows elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input and the messages
in `elevenlabs.types` (`websocket_tts_server_message_multi`, `send_text_multi`, …). Errors as users report them:
`{"message", "error", "code": 1008}`, then the connection is closed with 1008.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from tests.providers.emulators.emulator import Wire
from tests.providers.emulators.fault import STATUS, Fault, Kind
from tests.providers.emulators.streaming_voice import (
    PIECE_BYTES,
    SpeakingEmulator,
    length_ms,
    pieces,
    said,
    until_one_ends,
)

_MOST_CONTEXTS = 5
_IDLE_SECONDS = 20.0


_ERRORS = {Kind.UNAUTHORIZED: "invalid_api_key", Kind.RATE_LIMITED: "rate_limit_exceeded"}


@dataclass
class _Context:
    text: str = ""
    closings: int = 0
    """How often it was closed: once after its text, and again when it is cancelled."""


@dataclass
class _Session:
    """A connection."""

    wire: Wire
    contexts: dict[str, _Context] = field(default_factory=dict)
    flushed: asyncio.Queue[str] = field(default_factory=asyncio.Queue)


class ElevenLabsEmulator(SpeakingEmulator):
    """Says each word of a text as a tone word.

    :param spoken: how a text is spoken, where that is not as it is written
    :param refuses: error and message with which each text is refused
    """

    def __init__(
        self,
        *,
        key: str = "emulated-key",
        pace: float = 0.0,
        idle_seconds: float = _IDLE_SECONDS,
        spoken: Mapping[str, str] | None = None,
        refuses: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(key=key, pace=pace, idle_seconds=idle_seconds)
        self.spoken = spoken or {}
        self.refuses = refuses
        self.routes = [WebSocketRoute("/v1/text-to-speech/{voice}/multi-stream-input", self._listen)]

    def refusal(self, status: int) -> dict[str, Any]:
        """As the HTTP interface has it."""
        return {"detail": {"status": "emulated", "message": f"Emulated refusal {status}."}}

    async def _listen(self, websocket: WebSocket) -> None:
        async with self.accepted(websocket) as wire:
            if wire.refused:
                return
            if websocket.headers.get("xi-api-key") != self.key:
                await _refuse(wire, "invalid_api_key", "Invalid API key")
                return
            session = _Session(wire)
            await until_one_ends(self._read(session), self._speak(session))

    async def _read(self, session: _Session) -> None:
        while True:
            try:
                async with asyncio.timeout(self.idle_seconds):
                    message = json.loads(await session.wire.receive())
            except TimeoutError:
                await _refuse(session.wire, "input_timeout_exceeded", "Have not received a new text input in time.")
                return
            if not await self._take(session, message):
                return

    async def _take(self, session: _Session, message: dict[str, Any]) -> bool:
        """Do what a message wants; whether the connection goes on."""
        name = message.get("context_id", "default")
        if message.get("text") and name not in session.contexts:
            if len(session.contexts) == _MOST_CONTEXTS:
                await _refuse(session.wire, "max_active_conversations", "Maximum simultaneous contexts exceeded.")
                return False
            session.contexts[name] = _Context()
        if (context := session.contexts.get(name)) is not None:
            context.text += message.get("text") or ""
            context.closings += bool(message.get("close_context"))
            if message.get("flush"):
                session.flushed.put_nowait(name)
        return not message.get("close_socket")

    async def _speak(self, session: _Session) -> None:
        while True:
            name = await session.flushed.get()
            fault = self.fault_of_text()
            if fault is not None and fault.kind is Kind.HANG_AT_CONNECT:
                fault = Fault(Kind.HANG_MID_STREAM, after=0)
            session.wire.suffer(fault)
            refused = self.refuses
            if fault is not None and fault.kind in STATUS:
                refused = _ERRORS.get(fault.kind, "internal_error"), "Emulated refusal."
            if refused is not None:
                await _refuse(session.wire, *refused)
                return
            if fault is None or fault.kind is not Kind.ZERO_AUDIO:
                await self._say(session, name)
            await session.wire.send({"isFinal": True, "contextId": name})
            del session.contexts[name]

    async def _say(self, session: _Session, name: str) -> None:
        context = session.contexts[name]
        for message in self.messages(context.text.strip()):
            await asyncio.sleep(self.pace)
            if context.closings > 1:
                self.cancelled.append(context.text.strip())
                return
            await session.wire.send({**message, "contextId": name})

    def messages(self, text: str) -> Iterator[dict[str, Any]]:
        """What it says for a text."""
        spoken = self.spoken.get(text, text)
        at = 0.0
        for pcm in pieces(spoken, PIECE_BYTES + 1):
            end = at + length_ms(pcm)
            alignment = _alignment(spoken, at, end)
            yield {
                "audio": base64.b64encode(pcm).decode(),
                "isFinal": None,
                "normalizedAlignment": alignment,
                "alignment": alignment,
            }
            at = end


def _alignment(text: str, start: float, end: float) -> dict[str, list[Any]]:
    """The letters that begin in [start, end), with times from `start`; each word has a space behind it."""
    letters = [letter for word in said(text) for letter in _letters(word.text, word.start_ms, word.end_ms)]
    here = [(letter, at, length) for letter, at, length in letters if start <= at < end]
    return {
        "chars": [letter for letter, _, _ in here],
        "charStartTimesMs": [round(at - start) for _, at, _ in here],
        "charDurationsMs": [round(length) for _, _, length in here],
    }


def _letters(word: str, start: int, end: int) -> Iterator[tuple[str, float, float]]:
    each = (end - start) / len(word)
    for index, letter in enumerate(word):
        yield letter, start + index * each, each
    yield " ", float(end), 0.0


async def _refuse(wire: Wire, error: str, message: str) -> None:
    await wire.send({"message": message, "error": error, "code": 1008})
    await wire.close(1008, message)
