"""Deepgram's Aura by WebSocket.

Wire format: developers.deepgram.com/reference/text-to-speech/speak-streaming. Messages go through the official SDK's
socket client. The connection under it is opened here: the SDK's own `connect` keeps neither the reason nor the
Retry-After of a refusal, and puts the key into its error.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, get_args
from urllib.parse import urlencode

from deepgram.speak.v1.socket_client import AsyncV1SocketClient
from deepgram.speak.v1.types import SpeakV1Text
from deepgram.types.speak_v1model import SpeakV1Model
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from gateway.errors import ProviderRateLimit, ProviderUnavailable
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.tts.connection import Sound, SpeakerTraits
from gateway.providers.tts.socket_voice import SocketVoice
from gateway.providers.tts.websocket import bounded, dial, is_open
from gateway.providers.web_socket import socket_errors, web_socket_address

URL = "https://api.deepgram.com"
_SESSION_SECONDS = 3300.0
"""Deepgram ends a connection after an hour."""
_FLUSHES, _FLUSHES_SECONDS = 20, 60.0
"""A connection may flush so often in this time; further flushes are ignored, with a warning."""
_MODELS: tuple[str, ...] = get_args(get_args(SpeakV1Model)[0])


class Options(ProviderOptions):
    """Vapi's DeepgramVoice. The voice is a name such as "thalia", or a whole model of Deepgram's."""

    voice_id: str
    model: str | None = None
    mip_opt_out: bool = False


def make(options: Options, credential: Credential) -> SocketVoice:
    """The voice; its connections are opened when they are needed."""
    return SocketVoice(Aura(options, credential))


def model_of(options: Options) -> str:
    """Deepgram's name of model, voice and language in one, such as "aura-2-thalia-en"."""
    voice = options.voice_id
    if voice.startswith("aura-"):
        return voice
    families = [options.model] if options.model else ["aura-2", "aura"]
    known = (model for family in families for model in _MODELS if model.startswith(f"{family}-{voice}-"))
    return next(known, f"{families[0]}-{voice}-en")


class Aura:
    """Opens connections for one voice."""

    def __init__(self, options: Options, credential: Credential) -> None:
        model = model_of(options)
        family = "aura-2" if model.startswith("aura-2-") else "aura"
        self.traits = SpeakerTraits("deepgram", family, "mulaw", session_seconds=_SESSION_SECONDS)
        query = {"model": model, "encoding": "mulaw", "sample_rate": SAMPLE_RATE}
        if options.mip_opt_out:
            query["mip_opt_out"] = "true"
        self._who = f"The voice {model} of deepgram"
        self._url = f"{web_socket_address(credential.api_url or URL)}/v1/speak?{urlencode(query)}"
        self._credential = credential

    async def connect(self) -> AuraConnection:
        """A connection for this voice."""
        headers = {"Authorization": f"Token {self._credential.key}"}
        return AuraConnection(self._who, await dial(self._who, self._url, headers))


class AuraConnection:
    """One connection. Its audio does not say which text it belongs to, so a text ends with its flush."""

    def __init__(self, who: str, connection: ClientConnection) -> None:
        self._who = who
        self._connection = connection
        self._socket = AsyncV1SocketClient(websocket=connection)  # type: ignore[arg-type]
        self._flushes: deque[float] = deque(maxlen=_FLUSHES - 1)
        self._flushed: int | None = None
        self._heard = False

    @property
    def usable(self) -> bool:
        """Open, and not flushed too often."""
        full = len(self._flushes) == self._flushes.maxlen
        rests = full and _now() - self._flushes[0] < _FLUSHES_SECONDS
        return is_open(self._connection) and not rests

    async def say(self, text: str) -> None:
        """The text, to be spoken at once."""
        self._heard = False
        self._flushes.append(_now())
        with suppress(ConnectionClosed):  # what was received before tells why
            await self._socket.send_text(SpeakV1Text(text=text))
            await self._socket.send_flush()

    async def receive(self) -> Sound | None:
        """Audio, until the flush is confirmed."""
        while True:
            message = await self._next()
            match message:
                case bytes():
                    self._heard = True
                    return Sound(message)
                case {"type": "Flushed"} if not self._doubled(message):
                    return None
                case {"type": "Warning", "description": str(why)} if "flush" in why.lower():
                    raise ProviderRateLimit(f"{self._who} does not speak now: {why}")

    async def cancel(self) -> None:
        """Clear what is not spoken yet, and wait until that is done."""
        with socket_errors(self._who):
            await self._socket.send_clear()
        while True:
            match await self._next():
                case {"type": "Cleared"}:
                    return

    async def keep_alive(self) -> None:
        """Pings of the WebSocket are enough."""

    async def close(self) -> None:
        """End it."""
        await self._connection.close()

    async def _next(self) -> bytes | dict[str, Any]:
        with socket_errors(self._who):
            try:
                message: Any = await bounded(self._socket.recv())
            except ValueError as error:
                raise ProviderUnavailable(f"{self._who} sent what is no message.") from error
        if isinstance(message, (bytes, dict)):
            return message
        return dict(message.dict())

    def _doubled(self, flushed: dict[str, Any]) -> bool:
        """The confirmation of an earlier flush once more."""
        number, before = flushed.get("sequence_id"), self._flushed
        self._flushed = number
        return not self._heard and number is not None and number == before


def _now() -> float:
    return asyncio.get_running_loop().time()
