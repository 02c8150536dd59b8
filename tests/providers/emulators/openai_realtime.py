"""OpenAI's speech-to-speech sessions, after the "Realtime conversations" guide
(developers.openai.com/api/docs/guides/realtime-conversations) and the types of openai.types.realtime.

Turns are the client's (`turn_detection` null). What the session says are tone words, so that what a caller heard can be
decoded, and so can what the session itself still knows of an answer that was truncated.
"""

from __future__ import annotations

import asyncio
import audioop
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.providers.emulators.answers import Answer, Answering, Asked, Called, echo, words
from tests.providers.emulators.emulator import Emulator, Wire
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.speaking import Speaking
from tests.providers.emulators.tone_words import decode

_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
_ULAW = {"type": "audio/pcmu"}
_BYTES_PER_MS = 8
_SHORTEST_MS = 100
_LOUD_RMS = 300
_IN, _OUT = 100, 50
"""Milliseconds of the caller's and of the agent's audio in a token."""

Hearing = Callable[[bytes, str], str]
"""What audio (8000 Hz s16le) says, which may begin with audio of a deleted item that said something already."""


@dataclass
class Item:
    """An item of a conversation. `audio` is µ-law."""

    id: str
    type: str
    role: str = ""
    text: str = ""
    audio: bytes = b""
    call_id: str = ""
    name: str = ""
    truncated: bool = False

    @property
    def said(self) -> str:
        """What the model knows of it: a truncated answer has no text any more, only audio."""
        return " ".join(word for word, *_ in decode(audioop.ulaw2lin(self.audio, 2))) if self.truncated else self.text

    @property
    def message(self) -> tuple[str, str]:
        """Role and text, as other models' emulators have them."""
        if self.type == "message":
            return self.role, self.said
        return ("tool", self.text) if self.type == "function_call_output" else ("assistant", f"{self.name}(…)")


def heard_words(pcm: bytes, begun: str = "") -> str:
    """What tone words say."""
    return " ".join(word for word, *_ in decode(pcm))


class Lines:
    """Hears the next of these in each loud audio, whatever it sounds like; the same again when it is more of it."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = iter(lines)

    def __call__(self, pcm: bytes, begun: str) -> str:
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
        loud = samples.size and np.sqrt(np.mean(samples**2)) >= _LOUD_RMS
        return begun or (next(self._lines, "") if loud else "")


class OpenAiRealtime(Emulator):
    """:param answer: what the model says, or which tools it calls
    :param hear: what the transcription makes of committed audio
    :param speaking: how it sounds, and how fast the audio comes
    :param transcribes: whether a transcription is told at all; the first ones that fail are `failures`
    """

    def __init__(
        self,
        answer: Answering = echo,
        hear: Hearing = heard_words,
        *,
        key: str = "emulated-key",
        speaking: Speaking | None = None,
        failures: int = 0,
    ) -> None:
        super().__init__(key=key)
        self.answer_to = answer
        self.hear = hear
        self.speaking = speaking or Speaking()
        self.failures = failures
        self.gives_metadata = True
        self.sessions: list[EmulatedSession] = []
        self.numbers = itertools.count(1)
        """Of ids, which no two sessions share."""
        self.routes = [WebSocketRoute("/v1/realtime", self._serve)]

    @property
    def api_url(self) -> str:
        """What the SDK has as its base URL."""
        return f"{self.url}/v1"

    def refusal(self, status: int) -> Any:
        """As in the "Error codes" guide."""
        kinds = {401: ("invalid_request_error", "invalid_api_key"), 429: ("requests", "rate_limit_exceeded")}
        kind, code = kinds.get(status, ("server_error", None))
        return {"error": {"message": f"emulated {status}", "type": kind, "param": None, "code": code}}

    async def _serve(self, websocket: WebSocket) -> None:
        if websocket.headers.get("authorization") != f"Bearer {self.key}":
            await websocket.send_denial_response(JSONResponse(self.refusal(401), status_code=401))
            return
        mute = self.fault is not None and self.fault.kind is Kind.ZERO_AUDIO
        async with self.accepted(websocket) as wire:
            session = EmulatedSession(self, wire, mute=mute)
            self.sessions.append(session)
            await session.run(websocket.query_params["model"])

    async def strike(self, fault: Fault) -> None:
        """Sessions that are open lose their voice, too."""
        for session in self.sessions:
            session.mute = session.mute or fault.kind is Kind.ZERO_AUDIO
        await super().strike(fault)

    async def expire(self, *, told: bool = True) -> None:
        """Every session is over, as after 60 minutes, or without a word."""
        for session in self.sessions:
            await session.expire(told=told)


@dataclass
class EmulatedSession:
    """One connection: its conversation, and the response that is being made."""

    emulator: OpenAiRealtime
    wire: Wire
    mute: bool = False
    items: list[Item] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    """Every response that was created: what the conversation said then."""
    truncations: list[tuple[str, int]] = field(default_factory=list)
    _buffer: bytes = b""
    _response: asyncio.Task[None] | None = None
    _active: str = ""
    _left: bool = False
    _replaced: dict[bytes, str] = field(default_factory=dict)

    async def run(self, model: str) -> None:
        await self._tell("session.created", session={"type": "realtime", "model": model})
        try:
            while True:
                event = json.loads(await self.wire.receive())
                handler = getattr(self, "_on_" + event["type"].replace(".", "_"), None)
                if handler is None:
                    await self._complain(event, f"Invalid value: '{event['type']}'.", "invalid_value")
                else:
                    await handler(event)
        finally:
            self._left = True
            if self._response is not None:
                self._response.cancel()
                await asyncio.wait([self._response])

    async def expire(self, *, told: bool) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            if told:
                await self._complain({}, "Your session hit the maximum duration of 60 minutes.", "session_expired")
            await self.wire.close(1001, "session expired")

    @property
    def said(self) -> list[tuple[str, str]]:
        """The conversation, as the model would see it now."""
        return [item.message for item in self.items]

    # ------------------------------------------------------------ session and input

    async def _on_session_update(self, event: Mapping[str, Any]) -> None:
        session = event["session"]
        audio = session.get("audio", {})
        if session.get("type") != "realtime":
            await self._complain(event, "Missing required parameter: 'session.type'.", "missing_required_parameter")
        elif audio.get("output", {}).get("voice", "alloy") not in _VOICES:
            await self._complain(event, f"Invalid value: '{audio['output']['voice']}'.", "invalid_value")
        else:
            formats = [audio[side]["format"] for side in audio]
            assert formats in ([], [_ULAW, _ULAW]), "this emulator speaks µ-law"
            assert audio.get("input", {}).get("turn_detection") is None, "this emulator takes no turns by itself"
            self.settings |= session
            await self._tell("session.updated", session=self.settings)

    async def _on_input_audio_buffer_append(self, event: Mapping[str, Any]) -> None:
        self._buffer += base64.b64decode(event["audio"], validate=True)

    async def _on_input_audio_buffer_clear(self, event: Mapping[str, Any]) -> None:
        self._buffer = b""
        await self._tell("input_audio_buffer.cleared")

    async def _on_input_audio_buffer_commit(self, event: Mapping[str, Any]) -> None:
        audio, self._buffer = self._buffer, b""
        if len(audio) < _SHORTEST_MS * _BYTES_PER_MS:
            message = "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio."
            await self._complain(event, message, "input_audio_buffer_commit_empty")
            return
        before = self.items[-1].id if self.items else None
        item = Item(f"item_{next(self.emulator.numbers)}", "message", "user", audio=audio)
        self.items.append(item)
        await self._tell("input_audio_buffer.committed", item_id=item.id, previous_item_id=before)
        await self._added(item)
        await self._transcribe(item)

    async def _transcribe(self, item: Item) -> None:
        kind = "conversation.item.input_audio_transcription."
        place = {"item_id": item.id, "content_index": 0}
        if self.emulator.failures:
            self.emulator.failures -= 1
            error = {"type": "server_error", "code": "transcription_failed", "message": "emulated"}
            await self._tell(kind + "failed", error=error, **place)
            return
        item.text = self._hear(item.audio)
        for piece in Answer(item.text).tokens():
            await self._tell(kind + "delta", delta=piece, **place)
        tokens = len(item.audio) // _BYTES_PER_MS // _IN
        usage = {
            "type": "tokens",
            "input_tokens": tokens,
            "input_token_details": {"audio_tokens": tokens, "text_tokens": 0},
            "output_tokens": words(item.text),
            "total_tokens": tokens + words(item.text),
        }
        await self._tell(kind + "completed", transcript=item.text, usage=usage, **place)

    def _hear(self, audio: bytes) -> str:
        """Audio that begins like an item that was deleted is that speech, and more of it."""
        begun = next((begun for begun in self._replaced if _begins(audio, begun)), b"")
        return self.emulator.hear(audioop.ulaw2lin(audio, 2), self._replaced.pop(begun, ""))

    # ------------------------------------------------------------ items

    async def _on_conversation_item_create(self, event: Mapping[str, Any]) -> None:
        given, before = event["item"], event.get("previous_item_id")
        content = given.get("content") or [{}]
        item = Item(given.get("id") or f"item_{next(self.emulator.numbers)}", given["type"], given.get("role", ""))
        item.text = content[0].get("text", "") or given.get("output", "")
        item.call_id, item.name = given.get("call_id", ""), given.get("name", "")
        wanted = {"user": "input_text", "system": "input_text", "assistant": "output_text"}.get(item.role)
        if wanted and content[0].get("type") != wanted:
            await self._complain(event, f"Invalid value: '{content[0].get('type')}'.", "invalid_value")
        elif before not in (None, "root") and self._find(before) is None:
            await self._complain(event, f"Previous item with ID '{before}' not found.", "item_create_invalid")
        elif item.type == "function_call_output" and not self._called(item.call_id):
            await self._complain(
                event, f"Tool call ID '{item.call_id}' not found in conversation.", "invalid_tool_call"
            )
        else:
            known = self._find(before) if before not in (None, "root") else None
            place = self.items.index(known) + 1 if known else 0 if before == "root" else len(self.items)
            self.items.insert(place, item)
            await self._added(item)

    async def _on_conversation_item_delete(self, event: Mapping[str, Any]) -> None:
        item = self._find(event["item_id"])
        if item is None:
            await self._complain(event, f"Item with item_id '{event['item_id']}' not found.", "item_delete_invalid")
            return
        self.items.remove(item)
        if item.role == "user" and item.audio and item.text:
            self._replaced[item.audio] = item.text
        await self._tell("conversation.item.deleted", item_id=item.id)

    async def _on_conversation_item_truncate(self, event: Mapping[str, Any]) -> None:
        item, end_ms = self._find(event["item_id"]), event["audio_end_ms"]
        if item is None or item.role != "assistant" or not item.audio:
            await self._complain(event, "Only model output audio messages can be truncated.", "item_truncate_invalid")
        elif end_ms * _BYTES_PER_MS > len(item.audio):
            length = len(item.audio) // _BYTES_PER_MS
            message = f"Audio content of {length}ms is already shorter than {end_ms}ms."
            await self._complain(event, message, "invalid_value")
        else:
            item.audio, item.truncated = item.audio[: end_ms * _BYTES_PER_MS], True
            self.truncations.append((item.id, end_ms))
            place = {"item_id": item.id, "content_index": 0}
            await self._tell("conversation.item.truncated", audio_end_ms=end_ms, **place)

    def _find(self, item_id: str | None) -> Item | None:
        return next((item for item in self.items if item.id == item_id), None)

    def _called(self, call_id: str) -> bool:
        return any(item.type == "function_call" and item.call_id == call_id for item in self.items)

    async def _added(self, item: Item) -> None:
        shown: dict[str, Any] = {"id": item.id, "object": "realtime.item", "type": item.type, "status": "completed"}
        shown |= {"role": item.role, "content": []} if item.role else {"call_id": item.call_id}
        for kind in ("added", "done"):
            await self._tell(f"conversation.item.{kind}", item=shown)

    # ------------------------------------------------------------ responses

    async def _on_response_create(self, event: Mapping[str, Any]) -> None:
        if self._active:
            message = f"Conversation already has an active response in progress: {self._active}."
            await self._complain(event, message, "conversation_already_has_active_response")
            return
        self._active = f"resp_{next(self.emulator.numbers)}"
        metadata = event.get("response", {}).get("metadata") if self.emulator.gives_metadata else None
        self._response = asyncio.create_task(self._respond(self._active, metadata), name="emulated response")

    async def _on_response_cancel(self, event: Mapping[str, Any]) -> None:
        if not self._active or event.get("response_id") not in (None, self._active):
            await self._complain(event, "Cancellation failed: no active response found.", "response_cancel_not_active")
        elif self._response is not None:
            self._response.cancel()

    async def _respond(self, response_id: str, metadata: Any) -> None:
        tools = [tool["name"] for tool in self.settings.get("tools", ())]
        system = [("system", self.settings["instructions"])] if self.settings.get("instructions") else []
        asked = Asked([*system, *self.said], tools, self.settings)
        self.asked.append(asked)
        response = {"id": response_id, "object": "realtime.response", "metadata": metadata, "output": []}
        made: list[Item] = []
        status, usage = "completed", _usage_in(self.items)
        try:
            await self._tell("response.created", response={**response, "status": "in_progress"})
            await self._output(response_id, self.emulator.answer_to(asked), made)
        except asyncio.CancelledError:
            if self._left:
                raise
            status = "cancelled"
        except WebSocketDisconnect:
            return
        self._active = ""
        self._response = None
        ended = {**response, "status": status, "usage": _usage(usage, made), "status_details": {"type": status}}
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._tell("response.done", response=ended)

    async def _output(self, response_id: str, answer: Answer, made: list[Item]) -> None:
        index = itertools.count()
        if answer.text:
            await self._speak({"response_id": response_id, "output_index": next(index)}, answer, made)
        for call in answer.calls:
            await self._call({"response_id": response_id, "output_index": next(index)}, call, made)

    async def _speak(self, place: Mapping[str, Any], answer: Answer, made: list[Item]) -> None:
        item = Item(f"item_{next(self.emulator.numbers)}", "message", "assistant")
        self.items.append(item)
        made.append(item)
        shown = {"id": item.id, "object": "realtime.item", "type": "message", "role": "assistant", "content": []}
        await self._tell("response.output_item.added", item={**shown, "status": "in_progress"}, **place)
        part = {**place, "item_id": item.id, "content_index": 0}
        await self._tell("response.content_part.added", part={"type": "audio", "transcript": ""}, **part)
        for piece in answer.tokens():
            item.text += piece
            await self._tell("response.output_audio_transcript.delta", delta=piece, **part)
        async for chunk in self._sound(item.text):
            item.audio += chunk
            delta = base64.b64encode(chunk).decode()
            await self._tell("response.output_audio.delta", delta=delta, **part)
        await self._tell("response.output_audio.done", **part)
        await self._tell("response.output_audio_transcript.done", transcript=item.text, **part)
        await self._tell("response.output_item.done", item={**shown, "status": "completed"}, **place)

    async def _sound(self, text: str) -> AsyncIterator[bytes]:
        if not self.mute:
            audio = audioop.lin2ulaw(self.emulator.speaking.pcm(text), 2)
            async for chunk in self.emulator.speaking.pieces(audio, _BYTES_PER_MS):
                yield chunk

    async def _call(self, place: Mapping[str, Any], call: Called, made: list[Item]) -> None:
        item = Item(f"item_{next(self.emulator.numbers)}", "function_call", call_id=call.id, name=call.name)
        self.items.append(item)
        made.append(item)
        shown = {"id": item.id, "type": "function_call", "name": call.name, "call_id": call.id, "arguments": ""}
        await self._tell("response.output_item.added", item={**shown, "status": "in_progress"}, **place)
        part = {**place, "item_id": item.id, "call_id": call.id}
        await self._tell("response.function_call_arguments.delta", delta=call.arguments, **part)
        await self._tell("response.function_call_arguments.done", name=call.name, arguments=call.arguments, **part)
        done = {**shown, "arguments": call.arguments, "status": "completed"}
        await self._tell("response.output_item.done", item=done, **place)

    # ------------------------------------------------------------ to the client

    async def _complain(self, about: Mapping[str, Any], message: str, code: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
        await self._tell("error", error={**error, "event_id": about.get("event_id")})

    async def _tell(self, kind: str, **content: Any) -> None:
        await self.wire.send({"type": kind, "event_id": f"event_{next(self.emulator.numbers)}", **content})


def _begins(audio: bytes, begun: bytes) -> bool:
    """The audio has the better part of what was begun: the ends of a span are cut anew each time."""
    return begun[len(begun) * 5 // 8 : len(begun) * 7 // 8] in audio


def _usage_in(items: Sequence[Item]) -> tuple[int, int]:
    """Tokens of text and of audio that a response is given."""
    text = sum(words(item.text) for item in items if not item.audio)
    audio = sum(len(item.audio) // _BYTES_PER_MS // (_OUT if item.role == "assistant" else _IN) for item in items)
    return text, audio


def _usage(given: tuple[int, int], made: Sequence[Item]) -> dict[str, Any]:
    text, audio = given
    spoken = sum(len(item.audio) // _BYTES_PER_MS // _OUT for item in made)
    written = sum(words(item.text) for item in made) + sum(item.type == "function_call" for item in made)
    return {
        "input_tokens": text + audio,
        "output_tokens": written + spoken,
        "total_tokens": text + audio + written + spoken,
        "input_token_details": {
            "text_tokens": text,
            "audio_tokens": audio,
            "cached_tokens": audio // 2,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": audio // 2},
        },
        "output_token_details": {"text_tokens": written, "audio_tokens": spoken},
    }
