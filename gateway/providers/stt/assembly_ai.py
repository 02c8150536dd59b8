"""AssemblyAI's transcriber: Universal streaming, version 3 of the API.

Wire format: "Streaming API" reference and "Message sequence" of AssemblyAI's documentation, and the types of its Python
SDK (assemblyai.streaming.v3). Settings go into the WebSocket's query; audio is binary, 8000 Hz µ-law; `Turn` messages
hold all words of a turn so far, with their times; `ForceEndpoint` ends the turn.
"""

from __future__ import annotations

import audioop
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode, urlsplit

from pydantic import Field

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderUnavailable,
)
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE, samples_to_ms
from gateway.providers.base import Transcriber
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.refusals import complaint
from gateway.providers.stt.assembly_ai_turns import Turn, Turns
from gateway.providers.stt.connection import Recognised, RecogniserTraits
from gateway.providers.stt.settling import Settling
from gateway.providers.stt.settling_socket import SettlingSocket
from gateway.providers.stt.spoken_span import SpokenSpan
from gateway.providers.stt.streaming import StreamingTranscriber
from gateway.providers.web_socket import CloseCodes, JsonSocket, understood, web_socket_address

ADDRESS = "wss://streaming.assemblyai.com"
_WHO = "The transcriber assembly-ai"
_VERSION = "2025-05-12"
_SESSION_SECONDS = 3 * 3600.0
_SHORTEST_BYTES, _LONGEST_BYTES = SAMPLE_RATE // 20, SAMPLE_RATE
"""A message holds 50 to 1000 ms of audio; others end the session (close code 3007)."""
_NOTHING_SECONDS = 0.6
"""A turn that is forced to end and has no words is not told of."""
_CODES: CloseCodes = {
    1008: ProviderAuthentication,
    3006: ProviderBadRequest,
    3009: ProviderRateLimit,
    4001: ProviderAuthentication,
    4002: ProviderQuota,
    4003: ProviderQuota,
    4029: ProviderRateLimit,
    4102: ProviderRateLimit,
}


class Options(ProviderOptions):
    """Vapi's AssemblyAITranscriber. A final text whose words are less sure than `confidenceThreshold` on average is
    dropped. `wordBoost` are key terms too: this version of the API has no other list. Silences are ms."""

    language: Literal["multi", "en"] = "en"
    confidence_threshold: float = Field(default=0.4, ge=0, le=1)
    format_turns: bool = True
    end_of_turn_confidence_threshold: float | None = Field(default=None, ge=0, le=1)
    min_end_of_turn_silence_when_confident: int | None = Field(default=None, ge=0)
    word_finalization_max_wait_time: float | None = Field(default=None, ge=0)
    max_turn_silence: int | None = Field(default=None, ge=0)
    vad_assisted_endpointing_enabled: bool = True
    mode: Literal["max_accuracy", "min_latency", "balanced"] | None = None
    prompt: str | None = Field(default=None, max_length=1750)
    agent_context: str | None = Field(default=None, max_length=1750)
    language_codes: list[str] = Field(default_factory=list)
    speech_model: (
        Literal["universal-streaming-english", "universal-streaming-multilingual", "universal-3-5-pro"] | None
    ) = None
    realtime_url: str | None = Field(default=None, pattern="^(https?|wss?)://")
    word_boost: list[str] = Field(default_factory=list)
    keyterms_prompt: list[str] = Field(default_factory=list, max_length=100)
    end_utterance_silence_threshold: float | None = None
    disable_partial_transcripts: bool = False

    UNUSED: ClassVar[frozenset[str]] = frozenset(
        {"word_finalization_max_wait_time", "vad_assisted_endpointing_enabled", "end_utterance_silence_threshold"}
    )

    @property
    def model(self) -> str:
        """The speech model; it may follow from the language."""
        multilingual = self.language == "multi"
        return self.speech_model or f"universal-streaming-{'multilingual' if multilingual else 'english'}"

    @property
    def query(self) -> dict[str, str]:
        """The settings of a session, in AssemblyAI's names."""
        wanted: dict[str, Any] = {
            "sample_rate": SAMPLE_RATE,
            "encoding": "pcm_mulaw",
            "speech_model": self.model,
            "format_turns": self.format_turns,
            "end_of_turn_confidence_threshold": self.end_of_turn_confidence_threshold,
            "min_turn_silence": self.min_end_of_turn_silence_when_confident,
            "max_turn_silence": self.max_turn_silence,
            "mode": self.mode,
            "prompt": self.prompt,
            "agent_context": self.agent_context,
            "language_codes": self.language_codes or None,
            "keyterms_prompt": [*self.keyterms_prompt, *self.word_boost] or None,
        }
        return {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in wanted.items()
            if value is not None
        }


def make(options: Options, credential: Credential) -> Transcriber:
    """The transcriber."""
    return StreamingTranscriber(AssemblyAiRecogniser(options, credential))


class AssemblyAiRecogniser:
    """Opens sessions."""

    def __init__(self, options: Options, credential: Credential) -> None:
        self._options = options
        address = web_socket_address(options.realtime_url or credential.api_url or ADDRESS)
        path = "" if urlsplit(address).path.endswith("/ws") else "/v3/ws"
        self._url = f"{address}{path}?{urlencode(options.query)}"
        self._headers = {"Authorization": credential.key, "AssemblyAI-Version": _VERSION}
        if options.realtime_url and not _trusted(options.realtime_url, credential):
            del self._headers["Authorization"]

    @property
    def traits(self) -> RecogniserTraits:
        """Sessions are billed by the time that they are open, and last three hours. They have no idle limit."""
        return RecogniserTraits(
            "assembly-ai",
            self._options.model,
            session_seconds=_SESSION_SECONDS,
            idle_seconds=60,
            endpoints=True,
            bills="connection",
            replay_speed=3,  # "Stream a pre-recorded file in real time": much faster may end the session
        )

    async def connect(self) -> AssemblyAiConnection:
        """A session that has begun.

        :raises ProviderError: it is refused, or cannot be reached
        """
        socket = await JsonSocket.open(_WHO, self._url, self._headers, _CODES)
        try:
            while (message := await socket.receive()) is not None:
                if _checked(message).get("type") == "Begin":
                    return AssemblyAiConnection(socket, self._options)
        except BaseException:
            await socket.close()
            raise
        raise ProviderUnavailable(f"{_WHO} closed the connection before it was ready.")


def _trusted(address: str, credential: Credential) -> bool:
    """Whether an address that an assistant names may have the key."""
    host = urlsplit(address).hostname or ""
    return host.endswith(".assemblyai.com") or host == urlsplit(credential.api_url or "").hostname


def _checked(message: dict[str, Any]) -> dict[str, Any]:
    """The message, unless it tells of an error."""
    if message.get("type") != "Error" and "error" not in message:
        return message
    kind: type[ProviderError] = _CODES.get(message.get("error_code") or 0, ProviderUnavailable)
    raise kind(f"{_WHO} reports: {complaint(str(message.get('error', '')))}.")


class AssemblyAiConnection:
    """A session."""

    def __init__(self, socket: JsonSocket, options: Options) -> None:
        self._socket = socket
        self._partials = not options.disable_partial_transcripts
        self._turns = Turns(formatted=options.format_turns, least_confidence=options.confidence_threshold)
        self._settling = Settling(_NOTHING_SECONDS)
        self._listening = SettlingSocket(_WHO, self._settling)
        self._spoken = SpokenSpan()
        self._explained_ms = 0
        """How far the sound has its text."""
        self._waiting = bytearray()
        self._sent_ms = 0

    async def send(self, pcm: bytes) -> None:
        """Audio: 8000 Hz mono s16le. What is shorter than a message may be goes with the next."""
        self._sent_ms += samples_to_ms(len(pcm) // SAMPLE_BYTES)
        self._spoken.push(pcm)
        self._waiting += audioop.lin2ulaw(pcm, SAMPLE_BYTES)
        while len(self._waiting) >= _SHORTEST_BYTES:
            piece = bytes(self._waiting[:_LONGEST_BYTES])
            del self._waiting[:_LONGEST_BYTES]
            await self._socket.send(piece)

    async def flush(self) -> None:
        """End the turn. Where there is none nothing comes, and a moment later that is the answer."""
        self._listening.ask(self._sent_ms, self._spoken.sound_ms(self._explained_ms))
        await self._socket.send({"type": "ForceEndpoint"})

    async def keep_alive(self) -> None:
        """Not needed: a session may be idle."""

    async def __aiter__(self) -> AsyncGenerator[Recognised, None]:
        """Results.

        :raises ProviderError: the session failed
        """
        async for message in self._listening.messages(self._socket):
            if message is None:
                yield self._settling.expire()
            elif _checked(message).get("type") == "Turn":
                for result in self._turns.told(understood(_WHO, Turn, message)):
                    self._explained_ms = max(self._explained_ms, result.end_ms)
                    if result.final:
                        yield self._settling.final(result)
                    elif self._settling.partial(result) and self._partials:
                        yield result

    async def close(self) -> None:
        """End the session, so that it is not billed any further."""
        with suppress(ProviderError):
            await self._socket.send({"type": "Terminate"})
        await self._socket.close()
