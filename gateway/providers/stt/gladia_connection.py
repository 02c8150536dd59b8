"""A session with Gladia: audio in, utterances out.

There is no message that ends an utterance: Gladia does so after a short silence (`endpointing`). So the answer to a
flush is the next final text; or, where all audio is acknowledged and nothing comes for a while, that nothing was said.
"""

from __future__ import annotations

import audioop
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, Field

from gateway.errors import ProviderBadRequest, ProviderError, ProviderUnavailable
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from gateway.providers.refusals import complaint
from gateway.providers.stt.connection import Recognised
from gateway.providers.stt.gladia_utterances import TranscriptMessage, Utterances
from gateway.providers.stt.resumable_socket import ResumableSocket
from gateway.providers.stt.settling import Settling
from gateway.providers.stt.settling_socket import SettlingSocket
from gateway.providers.web_socket import understood

WHO = "The transcriber gladia"
_NOTHING_SECONDS, _PATIENCE_SECONDS = 0.5, 0.8


class _Range(BaseModel):
    byte_range: list[int] = Field(min_length=2, max_length=2)


class _Acknowledgment(BaseModel):
    acknowledged: bool
    data: _Range | None = None
    error: Any = None


class GladiaConnection:
    """A session."""

    def __init__(self, socket: ResumableSocket, least_confidence: float) -> None:
        self._socket = socket
        self._utterances = Utterances(least_confidence)
        self._settling = Settling(_NOTHING_SECONDS, _PATIENCE_SECONDS)
        self._listening = SettlingSocket(WHO, self._settling)
        self._sent_bytes = 0
        self._lost: ProviderError | None = None

    async def send(self, pcm: bytes) -> None:
        """Audio: 8000 Hz mono s16le."""
        if self._lost is not None:
            raise ProviderUnavailable(str(self._lost))
        ulaw = audioop.lin2ulaw(pcm, SAMPLE_BYTES)
        self._sent_bytes += len(ulaw)
        await self._socket.send(ulaw)

    async def flush(self) -> None:
        """Wait for what the next silence ends."""
        self._listening.ask(self._sent_bytes * 1000 // SAMPLE_RATE)

    async def keep_alive(self) -> None:
        """There is no message for it; the WebSocket's own pings have to do."""

    async def __aiter__(self) -> AsyncGenerator[Recognised, None]:
        """Results.

        :raises ProviderError: the session failed
        """
        try:
            async for message in self._listening.messages(self._socket):
                for result in self._silence() if message is None else self._told(message):
                    yield result
        except ProviderError as error:
            self._lost = error
            raise

    def _told(self, message: dict[str, Any]) -> Iterable[Recognised]:
        match message.get("type"):
            case "transcript":
                results = self._utterances.told(understood(WHO, TranscriptMessage, message))
                return [self._settled(result, last=result is results[-1]) for result in results]
            case "audio_chunk":
                self._acknowledge(understood(WHO, _Acknowledgment, message))
            case "error":
                raise ProviderUnavailable(f"{WHO} reports: {complaint(str(message.get('data') or message))}.")
        return []

    def _settled(self, result: Recognised, *, last: bool) -> Recognised:
        if not result.final:
            return self._settling.partial(result)
        return self._settling.final(result) if last and not self._utterances.waits else result

    def _acknowledge(self, message: _Acknowledgment) -> None:
        if not message.acknowledged or message.data is None:
            raise ProviderBadRequest(f"{WHO} takes no audio: {complaint(str(message.error))}.")
        self._socket.acknowledge(message.data.byte_range[1])

    def _silence(self) -> Iterable[Recognised]:
        if self._socket.acknowledged_bytes * 1000 // SAMPLE_RATE < self._settling.asked_ms:
            self._settling.put_off(_NOTHING_SECONDS)
            return []
        results = self._utterances.give_up()
        return [self._settled(result, last=result is results[-1]) for result in results] or [self._settling.expire()]

    async def close(self) -> None:
        """End the session, so that it is not billed any further."""
        with suppress(ProviderError):
            await self._socket.send({"type": "stop_recording"})
        await self._socket.close()
