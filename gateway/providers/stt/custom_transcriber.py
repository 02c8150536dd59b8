"""A transcriber on a server of the user's own, by Vapi's WebSocket protocol.

Wire format: "Custom transcriber" of Vapi's documentation. We connect to `server.url` and send `{"type": "start", …}`,
then binary audio: 16000 Hz s16le, two channels, the caller first. The second is the agent's in Vapi; here it is silent.
The server sends `transcriber-response` messages when it likes; there is none that asks for them. So the answer to a
flush is the next final text, a partial one that is not followed by it, or that nothing comes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Literal

import numpy as np
import soxr
import structlog
from pydantic import BaseModel

from gateway.assistant.section import Server
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import Transcriber
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.refusals import complaint
from gateway.providers.stt.connection import Recognised, RecogniserTraits
from gateway.providers.stt.settling import Settling
from gateway.providers.stt.settling_socket import SettlingSocket
from gateway.providers.stt.streaming import StreamingTranscriber
from gateway.providers.stt.untimed_texts import UntimedTexts
from gateway.providers.web_socket import JsonSocket, understood, web_socket_address

logger = structlog.get_logger(__name__)

_RATE = 16000
_WHO = "The transcriber custom-transcriber"
_NOTHING_SECONDS, _PATIENCE_SECONDS = 0.8, 0.5
_START = {"type": "start", "encoding": "linear16", "container": "raw", "sampleRate": _RATE, "channels": 2}


class Options(ProviderOptions):
    """`server` transcribes; its `url` may begin with ws or http."""

    server: Server


def make(options: Options, credential: Credential) -> Transcriber:
    """The transcriber of a server. A key of the credential goes out as the server's secret does, where that has
    none."""
    return StreamingTranscriber(CustomRecogniser(options.server, credential))


class Response(BaseModel):
    """What the server sends. `transcript_type` is final where it is not told."""

    transcription: str
    channel: Literal["customer", "assistant"] = "customer"
    transcriptType: Literal["partial", "final"] = "final"  # noqa: N815  as it is on the wire


class CustomRecogniser:
    """One server."""

    def __init__(self, server: Server, credential: Credential) -> None:
        self._url = web_socket_address(credential.api_url or server.url)
        secret = {"X-Vapi-Secret": credential.key} if credential.key else {}
        self._headers = {**secret, **server.request_headers}

    @property
    def traits(self) -> RecogniserTraits:
        """Nothing is known of the server's limits."""
        return RecogniserTraits("custom-transcriber", replay_speed=10)

    async def connect(self) -> CustomConnection:
        """A connection that was told what audio comes.

        :raises ProviderError: it is refused, or cannot be reached
        """
        socket = await JsonSocket.open(_WHO, self._url, self._headers)
        try:
            await socket.send(_START)
        except BaseException:
            await socket.close()
            raise
        return CustomConnection(socket)


class CustomConnection:
    """A connection to the server."""

    def __init__(self, socket: JsonSocket) -> None:
        self._socket = socket
        self._resampler = soxr.ResampleStream(SAMPLE_RATE, _RATE, 1, dtype="int16", quality="MQ")
        self._texts = UntimedTexts()
        self._settling = Settling(_NOTHING_SECONDS, _PATIENCE_SECONDS)
        self._listening = SettlingSocket(_WHO, self._settling)

    async def send(self, pcm: bytes) -> None:
        """Audio: 8000 Hz mono s16le."""
        self._texts.push(pcm)
        if stereo := self._stereo(pcm):
            await self._socket.send(stereo)

    def _stereo(self, pcm: bytes) -> bytes:
        customer = self._resampler.resample_chunk(np.frombuffer(pcm, dtype="<i2"))
        frames = np.zeros((len(customer), 2), dtype="<i2")
        frames[:, 0] = customer
        return frames.tobytes()

    async def flush(self) -> None:
        """Wait for what the server has to tell."""
        self._listening.ask(self._texts.sent_ms, self._texts.unexplained_ms)

    async def keep_alive(self) -> None:
        """The protocol has nothing for it; the WebSocket's own pings have to do."""

    async def __aiter__(self) -> AsyncGenerator[Recognised, None]:
        """Results.

        :raises ProviderError: the connection failed
        """
        async for message in self._listening.messages(self._socket):
            result = self._silence() if message is None else self._told(message)
            if result is not None:
                yield result

    def _told(self, message: dict[str, Any]) -> Recognised | None:
        match message.get("type"):
            case "transcriber-response":
                return self._response(understood(_WHO, Response, message))
            case "error":
                logger.warning("custom transcriber reports an error", error=complaint(str(message.get("error"))))
        return None

    def _response(self, response: Response) -> Recognised | None:
        text = response.transcription.strip()
        if response.channel != "customer":
            return None
        if response.transcriptType == "partial":
            partial = self._texts.partial(text)
            return None if partial is None else self._settling.partial(partial)
        final = self._texts.final(text)
        return None if final is None else self._settling.final(final)

    def _silence(self) -> Recognised:
        if self._settling.outstanding is not None:
            self._texts.taken(self._settling.outstanding.text)
        return self._settling.expire()

    async def close(self) -> None:
        """End the connection."""
        await self._socket.close()
