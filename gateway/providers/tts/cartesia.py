"""Cartesia's Sonic by its official SDK's WebSocket, with word timestamps.

Wire format: docs.cartesia.ai/api-reference/tts/websocket. Each text is a context of its own.
"""

from __future__ import annotations

import binascii
import uuid
from contextlib import suppress
from typing import Annotated, Any, Literal, cast

from cartesia import AsyncCartesia
from cartesia.resources.tts import AsyncTTSResourceConnection
from cartesia.types import GenerationRequestParam
from cartesia.types.websocket_connection_options import WebsocketConnectionOptions
from cartesia.types.websocket_response import Chunk, Done, Error, Timestamps
from pydantic import Field
from websockets.exceptions import ConnectionClosed

from gateway.errors import ProviderError, ProviderUnavailable
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.refusals import refusal
from gateway.providers.tls import checked
from gateway.providers.tts.connection import Sound, SpeakerTraits
from gateway.providers.tts.socket_voice import SocketVoice
from gateway.providers.tts.websocket import OPTIONS, bounded, is_open
from gateway.providers.tts.words import TimedWord
from gateway.providers.web_socket import socket_errors, web_socket_address

URL = "https://api.cartesia.ai"
_SESSION_SECONDS = 240.0
"""Cartesia ends a connection after five minutes without a request, and knows no message to keep it alive."""

_EMOTIONS = {
    "anger": "angry",
    "positivity": "happy",
    "surprise": "surprised",
    "sadness": "sad",
    "curiosity": "curious",
}
"""The names that Sonic had for emotions before it took them in `generation_config`."""


class Experimental(ProviderOptions):
    accent_localization: int | None = Field(default=None, ge=0, le=1)


class GenerationConfig(ProviderOptions):
    """For sonic-3 and later. `speed` and `volume` 1 are the voice's own."""

    speed: float | None = Field(default=None, ge=0.6, le=1.5)
    volume: float | None = Field(default=None, ge=0.5, le=2)
    experimental: Experimental | None = None


class ExperimentalControls(ProviderOptions):
    """Vapi's older controls: a number or word for the speed, an emotion with its strength."""

    speed: Annotated[float, Field(ge=-1, le=1)] | Literal["slowest", "slow", "normal", "fast", "fastest"] | None = None
    emotion: str | None = Field(default=None, pattern="^(anger|positivity|surprise|sadness|curiosity)(:[a-z]+)?$")


class Options(ProviderOptions):
    """Vapi's CartesiaVoice. An emotion's strength has no effect: Cartesia takes its name alone."""

    voice_id: str
    model: str = "sonic-3"
    language: str | None = None
    generation_config: GenerationConfig | None = None
    experimental_controls: ExperimentalControls | None = None
    pronunciation_dict_id: str | None = None


def make(options: Options, credential: Credential) -> SocketVoice:
    """The voice; its connections are opened when they are needed."""
    return SocketVoice(Cartesia(options, credential))


class Cartesia:
    """Opens connections, which speak in one voice."""

    def __init__(self, options: Options, credential: Credential) -> None:
        self.traits = SpeakerTraits("cartesia", options.model, word_times=True, session_seconds=_SESSION_SECONDS)
        self._url = url = (credential.api_url or URL).rstrip("/")
        self._who = f"The voice {options.voice_id} of cartesia"
        self._request = request_of(options)
        self._client = AsyncCartesia(
            api_key=credential.key, base_url=url, websocket_base_url=web_socket_address(url), max_retries=0
        )

    async def connect(self) -> CartesiaConnection:
        """A connection for this account; the voice goes with each text."""
        with socket_errors(self._who):
            options = cast(WebsocketConnectionOptions, {**OPTIONS, **checked(self._url)})
            connecting = self._client.tts.websocket_connect(websocket_connection_options=options)
            return CartesiaConnection(self._who, await connecting.enter(), self._request)


class CartesiaConnection:
    """One connection; a context for each text."""

    def __init__(self, who: str, connection: AsyncTTSResourceConnection, request: dict[str, Any]) -> None:
        self._who = who
        self._connection = connection
        self._request = request
        self._context = ""

    @property
    def usable(self) -> bool:
        """Open."""
        return is_open(self._connection._connection)

    async def say(self, text: str) -> None:
        """A new context with this text alone."""
        self._context = uuid.uuid4().hex
        request = {**self._request, "transcript": text, "context_id": self._context}
        with suppress(ConnectionClosed):  # what was received before tells why
            await self._connection.send(cast(GenerationRequestParam, request))

    async def receive(self) -> Sound | None:
        """Audio or words; messages of a context that was cancelled are skipped."""
        while True:
            with socket_errors(self._who):
                event = await bounded(self._next())
            match event:
                case Error():
                    if event.context_id in (self._context, None):
                        raise self._refusal(event)
                case Chunk() | Timestamps() | Done() if event.context_id != self._context:
                    pass
                case Chunk():
                    return Sound(self._audio(event))
                case Timestamps(word_timestamps=words) if words is not None:
                    times = zip(words.words, words.start, words.end, strict=False)
                    return Sound(words=tuple(TimedWord(word, start * 1000, end * 1000) for word, start, end in times))
                case Done():
                    return None

    async def cancel(self) -> None:
        """Cancel the context; what is on its way is skipped later."""
        with socket_errors(self._who):
            await self._connection.send({"context_id": self._context, "cancel": True})

    async def keep_alive(self) -> None:
        """There is no message for it: a connection is replaced before it is too old."""

    async def close(self) -> None:
        """End it."""
        await self._connection.close()

    async def _next(self) -> object:
        try:
            return await self._connection.recv()
        except ValueError as error:
            raise ProviderUnavailable(f"{self._who} sent what is no message.") from error

    def _audio(self, event: Chunk) -> bytes:
        try:
            return event.audio or b""
        except (binascii.Error, TypeError) as error:
            raise ProviderUnavailable(f"{self._who} sent what is no audio.") from error

    def _refusal(self, event: Error) -> ProviderError:
        reason = " ".join(filter(None, [event.title, event.message, event.error_code and f"({event.error_code})"]))
        return refusal(self._who, event.status_code or 500, reason)


def request_of(options: Options) -> dict[str, Any]:
    """What goes with each text."""
    controls = options.experimental_controls or ExperimentalControls()
    config: dict[str, Any] = {}
    if controls.emotion:
        config["emotion"] = _EMOTIONS[controls.emotion.partition(":")[0]]
    if options.generation_config is not None:
        config |= options.generation_config.model_dump(exclude_none=True)
    request = {
        "model_id": options.model,
        "voice": {"mode": "id", "id": options.voice_id},
        "language": options.language,
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": SAMPLE_RATE},
        "add_timestamps": True,
        "continue": False,
        "generation_config": config or None,
        "speed": _speed(controls.speed),
        "pronunciation_dict_id": options.pronunciation_dict_id,
    }
    return {name: value for name, value in request.items() if value is not None}


def _speed(wanted: float | str | None) -> str | None:
    """One of the three speeds that Cartesia knows beside `generation_config`; the number is -1 to 1."""
    if wanted is None:
        return None
    if isinstance(wanted, str):
        return {"slowest": "slow", "fastest": "fast"}.get(wanted, wanted)
    return "slow" if wanted < -0.25 else "fast" if wanted > 0.25 else "normal"
