"""ElevenLabs: the multi-context WebSocket with character alignment.

Wire format: elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input. Each text
is a context of its own, which is flushed and closed at once. The official SDK has no asynchronous client for it; its
message types (`elevenlabs.types`) are what the tests hold both directions against.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from pydantic import Field
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderUnavailable,
)
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.refusals import complaint
from gateway.providers.tts.connection import Sound, SpeakerTraits
from gateway.providers.tts.socket_voice import SocketVoice
from gateway.providers.tts.websocket import dial, is_open, next_message
from gateway.providers.tts.words import TimedWord
from gateway.providers.web_socket import socket_errors, web_socket_address

URL = "https://api.elevenlabs.io"
_BYTES_PER_MS = SAMPLE_RATE * SAMPLE_BYTES / 1000

VOICES = {
    "sarah": "EXAVITQu4vr4xnSDxMaL",
    "drew": "29vD33N1CtxCmqQRPOHJ",
    "paul": "5Q0t7uMcjvnagumLfvZi",
    "matilda": "XrExE9yKIg1WjnnlVkGX",
    "joseph": "Zlb1dXrM653N07WRdFW3",
    "ryan": "wViXBPUzp2ZZixB1xQuM",
}
"""Names that Vapi has for ElevenLabs' own voices. Any other name is passed on as an id."""

_ONE_LANGUAGE = {"eleven_monolingual_v1", "eleven_turbo_v2", "eleven_flash_v2", "eleven_multilingual_v2"}
"""Models that refuse a language code: they know English only, or find the language by themselves."""

_REFUSALS: Mapping[str, type[ProviderError]] = {
    "invalid_api_key": ProviderAuthentication,
    "needs_authorization": ProviderAuthentication,
    "missing_permissions": ProviderAuthentication,
    "detected_unusual_activity": ProviderAuthentication,
    "quota_exceeded": ProviderQuota,
    "rate_limit_exceeded": ProviderRateLimit,
    "too_many_concurrent_requests": ProviderRateLimit,
    "max_active_conversations": ProviderRateLimit,
    "voice_not_found": ProviderBadRequest,
    "voice_id_does_not_exist": ProviderBadRequest,
    "model_not_found": ProviderBadRequest,
    "invalid_input_message": ProviderBadRequest,
    "unsupported_language": ProviderBadRequest,
}
"""What `error` of an error message means; any other may pass."""


class PronunciationDictionary(ProviderOptions):
    """Which dictionary, and which version of it; the latest by default."""

    pronunciation_dictionary_id: str
    version_id: str | None = None


class Options(ProviderOptions):
    """Vapi's ElevenLabsVoice. `auto_mode` is on unless it is switched off: texts come in whole clauses."""

    voice_id: str
    model: str = "eleven_flash_v2_5"
    language: str | None = None
    stability: float | None = Field(default=None, ge=0, le=1)
    similarity_boost: float | None = Field(default=None, ge=0, le=1)
    style: float | None = Field(default=None, ge=0, le=1)
    use_speaker_boost: bool | None = None
    speed: float | None = Field(default=None, ge=0.7, le=1.2)
    optimize_streaming_latency: float | None = Field(default=None, ge=0, le=4)
    enable_ssml_parsing: bool | None = None
    auto_mode: bool = True
    pronunciation_dictionary_locators: list[PronunciationDictionary] | None = None

    SETTINGS: ClassVar[frozenset[str]] = frozenset(
        {"stability", "similarity_boost", "style", "use_speaker_boost", "speed"}
    )
    """Those that go with each text, the others belong to the connection."""


def make(options: Options, credential: Credential) -> SocketVoice:
    """The voice; its connections are opened when they are needed."""
    return SocketVoice(ElevenLabs(options, credential))


class ElevenLabs:
    """Opens connections for one voice."""

    def __init__(self, options: Options, credential: Credential) -> None:
        self._options = options
        self._credential = credential
        self.traits = SpeakerTraits("11labs", options.model, word_times=True)

    async def connect(self) -> ElevenLabsConnection:
        """A connection for this voice and model."""
        who = f"The voice {self._options.voice_id} of 11labs"
        return ElevenLabsConnection(who, await dial(who, self._url(), self._headers()), self._options)

    def _headers(self) -> dict[str, str]:
        return {"xi-api-key": self._credential.key}

    def _url(self) -> str:
        options = self._options
        base = web_socket_address(self._credential.api_url or URL)
        voice = quote(VOICES.get(options.voice_id, options.voice_id), safe="")
        latency = options.optimize_streaming_latency
        query = {
            "model_id": options.model,
            "output_format": f"pcm_{SAMPLE_RATE}",
            "language_code": None if options.model in _ONE_LANGUAGE else options.language,
            "enable_ssml_parsing": _flag(options.enable_ssml_parsing),
            "optimize_streaming_latency": None if latency is None else f"{latency:g}",
            "inactivity_timeout": "180",
            "sync_alignment": "true",
            "auto_mode": _flag(options.auto_mode),
        }
        given = {name: value for name, value in query.items() if value is not None}
        return f"{base}/v1/text-to-speech/{voice}/multi-stream-input?{urlencode(given)}"


class ElevenLabsConnection:
    """One connection; a context for each text."""

    def __init__(self, who: str, connection: ClientConnection, options: Options) -> None:
        self._who = who
        self._connection = connection
        self._settings = options.model_dump(include=set(Options.SETTINGS), exclude_none=True)
        self._dictionaries = [
            one.model_dump(exclude_none=True) for one in options.pronunciation_dictionary_locators or ()
        ]
        self._context = ""
        self._bytes = 0
        self._letters = Letters()
        self._last: Mapping[str, Any] = {}
        self._ended = True

    @property
    def usable(self) -> bool:
        """Open."""
        return is_open(self._connection)

    async def say(self, text: str) -> None:
        """A new context with this text alone."""
        self._context, self._bytes, self._letters = uuid.uuid4().hex, 0, Letters()
        self._last, self._ended = {}, False
        first: dict[str, Any] = {"text": " "}
        if self._settings:
            first["voice_settings"] = self._settings
        if self._dictionaries:
            first["pronunciation_dictionary_locators"] = self._dictionaries
        with suppress(ConnectionClosed):  # what was received before tells why
            for message in (first, {"text": f"{text} ", "flush": True}, {"close_context": True}):
                await self._connection.send(json.dumps({**message, "context_id": self._context}))

    async def receive(self) -> Sound | None:
        """Audio with the words that are complete. Messages of a context that was cancelled are skipped, and those that
        come twice: each has times of its own."""
        while not self._ended:
            message = self._read(await next_message(self._who, self._connection))
            if message.get("error"):
                raise self._refusal(message)
            if message.get("contextId") != self._context or message == self._last:
                continue
            self._last = message
            if message.get("audio"):
                return self._sound(message)
            if message.get("isFinal"):
                self._ended = True
                return Sound(words=self._letters.rest())
        return None

    async def cancel(self) -> None:
        """Close the context: a connection has five at most."""
        await self._send({"context_id": self._context, "close_context": True})

    async def keep_alive(self) -> None:
        """An empty text is ignored, and counts as activity."""
        await self._send({"text": ""})

    async def close(self) -> None:
        """End it."""
        await self._connection.close()

    async def _send(self, message: Mapping[str, Any]) -> None:
        with socket_errors(self._who):
            await self._connection.send(json.dumps(message))

    def _read(self, message: str | bytes) -> Mapping[str, Any]:
        try:
            content = json.loads(message)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise ProviderUnavailable(f"{self._who} sent what is no message.")
        return content

    def _refusal(self, message: Mapping[str, Any]) -> ProviderError:
        kind = _REFUSALS.get(str(message["error"]), ProviderUnavailable)
        reason = complaint(str(message.get("message") or message["error"]))
        return kind(f"{self._who} refused: {reason}.")

    def _sound(self, message: Mapping[str, Any]) -> Sound:
        try:
            pcm = base64.b64decode(message["audio"], validate=True)
        except (binascii.Error, TypeError) as error:
            raise ProviderUnavailable(f"{self._who} sent what is no audio.") from error
        # Where a dictionary replaces words, only the normalized alignment has each letter once.
        kinds = ("alignment", "normalizedAlignment")
        kind, other = reversed(kinds) if self._dictionaries else kinds
        words = self._letters.hear(message.get(kind) or message.get(other) or {}, self._bytes / _BYTES_PER_MS)
        self._bytes += len(pcm)
        return Sound(pcm, words)


class Letters:
    """Makes words of letters that come with their times."""

    def __init__(self) -> None:
        self._word = ""
        self._start = self._end = 0.0

    def hear(self, alignment: Mapping[str, Sequence[Any]], from_ms: float) -> tuple[TimedWord, ...]:
        """The words that are complete.

        :param alignment: letters with starts and lengths in ms, from the start of the audio that they came with
        :param from_ms: where that audio starts
        """
        letters = alignment.get("chars") or ()
        starts = alignment.get("charStartTimesMs") or ()
        # The field was named with one more s in earlier versions of the interface.
        lengths = alignment.get("charDurationsMs") or alignment.get("charsDurationsMs") or (0,) * len(starts)
        return tuple(
            word
            for letter, start, length in zip(letters, starts, lengths, strict=False)
            for word in self._add(letter, from_ms + start, from_ms + start + length)
        )

    def rest(self) -> tuple[TimedWord, ...]:
        """The word that was not complete."""
        word, self._word = self._word, ""
        return (TimedWord(word, self._start, self._end),) if word else ()

    def _add(self, letter: str, start: float, end: float) -> tuple[TimedWord, ...]:
        if letter.isspace():
            return self.rest()
        if not self._word:
            self._start = start
        self._word += letter
        self._end = end
        return ()


def _flag(on: bool | None) -> str | None:
    return None if on is None else str(on).lower()
