"""A voice on a server of the user's own, by Vapi's webhook.

Wire format: Vapi's custom TTS (`ServerMessageVoiceRequest` of its OpenAPI document): POST of `{"message": {"type":
"voice-request", "text", "sampleRate", "timestamp", "call", "assistant", "customer"}}`; the answer is raw mono s16le at
that rate, played as it comes. We ask for 8000 Hz: nothing is resampled on the way to the telephone.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, ClassVar

from gateway.assistant.section import Server
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import OUTSIDE_CALL, CallContext, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.tts.http_audio import SpeechRequest, audio_of, http_client, touch
from gateway.providers.tts.telephone_audio import TelephoneAudio
from gateway.providers.usage import Usage


class Options(ProviderOptions):
    """`server` is asked for each text. Vapi takes a `voiceId` and sends it to nobody."""

    UNUSED: ClassVar[frozenset[str]] = frozenset({"voice_id"})

    server: Server
    voice_id: str | None = None


def make(options: Options, credential: Credential) -> Voice:
    """The voice of a server. A key of the credential goes out as the server's secret does, where that has none."""
    return CustomVoice(options.server, credential)


class CustomVoice:
    """One server; its connections are shared by all calls."""

    def __init__(self, server: Server, credential: Credential) -> None:
        self._url = credential.api_url or server.url
        secret = {"X-Vapi-Secret": credential.key} if credential.key else {}
        self._headers = {"Content-Type": "application/json", **secret, **server.request_headers}
        self._seconds = server.timeout_seconds
        self._client = http_client()

    @property
    def capabilities(self) -> VoiceCapabilities:
        """Audio alone comes."""
        return VoiceCapabilities(word_times=False)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """Stream the audio; raises `ProviderError` as `audio_of` does."""
        audio = TelephoneAudio()
        content = json.dumps({"message": voice_request(text, context)}, ensure_ascii=False)
        usage = Usage("voice", "custom-voice", characters=len(text))
        request = SpeechRequest(
            f"The custom voice at {self._url}", self._url, self._headers, content.encode(), self._seconds
        )
        async with aclosing(audio_of(self._client, request, lambda: context.meter(usage))) as pieces:
            async for piece in pieces:
                if pcm := audio.push(piece):
                    yield VoiceChunk(pcm)

    async def prepare(self) -> None:
        """Open a connection."""
        await touch(self._client, self._url)

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()


def voice_request(text: str, context: CallContext) -> dict[str, Any]:
    """The message. `timestamp` is the wall clock in ms."""
    parties = {name: context.call[name] for name in ("customer", "phoneNumber") if name in context.call}
    return {
        "type": "voice-request",
        "text": text,
        "sampleRate": SAMPLE_RATE,
        "timestamp": round(time.time() * 1000),
        "call": dict(context.call),
        "assistant": dict(context.assistant),
        **parties,
    }
