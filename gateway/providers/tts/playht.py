"""PlayHT over HTTP, its streaming endpoint with µ-law at 8000 Hz.

Wire format: docs.play.ht/reference/api-generate-tts-audio-stream (POST /api/v2/tts/stream). PlayHT ended its service on
31 December 2025; servers that speak its interface are named by the credential's `api_url`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import Field

from gateway.errors import ConfigError, ProviderUnavailable
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import OUTSIDE_CALL, CallContext, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.tts.http_audio import SpeechRequest, audio_of, http_client, touch
from gateway.providers.tts.telephone_audio import TelephoneAudio
from gateway.providers.usage import Usage

URL = "https://api.play.ht"
_PATH = "/api/v2/tts/stream"

VOICES = {"jennifer": "s3://voice-cloning-zero-shot/801a663f-efd0-4254-98d0-5c175514c3e8/jennifer/manifest.json"}
"""Names that Vapi has for PlayHT's own voices. Any other name is passed on as an id."""


class Options(ProviderOptions):
    """Vapi's PlayHTVoice."""

    voice_id: str = Field(min_length=1)
    model: str = "Play3.0-mini"
    language: str | None = None
    speed: float | None = Field(default=None, ge=0.1, le=5)
    temperature: float | None = Field(default=None, ge=0.1, le=2)
    emotion: str | None = None
    voice_guidance: float | None = Field(default=None, ge=1, le=6)
    style_guidance: float | None = Field(default=None, ge=1, le=30)
    text_guidance: float | None = Field(default=None, ge=1, le=2)


def make(options: Options, credential: Credential) -> Voice:
    """The voice.

    :raises ConfigError: the credential has no user id
    """
    if not credential.user_id:
        raise ConfigError(
            "The voice provider playht needs a user id: set PLAYHT_USER_ID, or write "
            "{provider: playht, apiKey: …, userId: …} under credentials in parley.yaml."
        )
    return PlayHTVoice(options, credential)


class PlayHTVoice:
    """One voice; its connections are shared by all calls."""

    def __init__(self, options: Options, credential: Credential) -> None:
        self._model = options.model
        self._who = f"The voice {options.voice_id} of playht"
        self._url = (credential.api_url or URL).rstrip("/") + _PATH
        self._headers = {
            "Authorization": f"Bearer {credential.key}",
            "X-User-Id": credential.user_id or "",
            "Content-Type": "application/json",
            "Accept": "*/*",
        }
        self._request = {
            **options.model_dump(exclude_none=True, exclude={"voice_id", "model"}),
            "voice": VOICES.get(options.voice_id, options.voice_id),
            "voice_engine": options.model,
            "output_format": "mulaw",
            "sample_rate": SAMPLE_RATE,
        }
        self._client = http_client()

    @property
    def capabilities(self) -> VoiceCapabilities:
        """Audio alone comes."""
        return VoiceCapabilities(word_times=False)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """Stream the audio. Closing the iterator ends the request.

        :raises ProviderError: as `audio_of` does, and when no audio came
        """
        audio = TelephoneAudio(encoding="mulaw")
        usage = Usage("voice", "playht", self._model, characters=len(text))
        content = json.dumps({**self._request, "text": text}).encode()
        request = SpeechRequest(self._who, self._url, self._headers, content)
        async with aclosing(audio_of(self._client, request, lambda: context.meter(usage))) as pieces:
            async for piece in pieces:
                if pcm := audio.push(piece):
                    yield VoiceChunk(pcm)
        if not audio.samples:
            raise ProviderUnavailable(f"{self._who} sent no audio.")

    async def prepare(self) -> None:
        """Open a connection."""
        await touch(self._client, self._url)

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()
