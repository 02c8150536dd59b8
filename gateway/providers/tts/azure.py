"""Azure's voices.

Wire format: Microsoft's "Text to speech REST API": POST `https://REGION.tts.speech.microsoft.com/cognitiveservices/v1`,
SSML in, audio out in chunks. It is asked for 8000 Hz µ-law, so nothing is resampled here. Billed are the characters of
the text and of the marks within `voice`; a Chinese character counts as two.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from xml.sax.saxutils import escape, quoteattr

from pydantic import Field

from gateway.errors import ConfigError
from gateway.providers.base import OUTSIDE_CALL, CallContext, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.tts.http_audio import SpeechRequest, audio_of, http_client, touch
from gateway.providers.tts.telephone_audio import TelephoneAudio
from gateway.providers.usage import Usage

_PATH = "/cognitiveservices/v1"
_FORMAT = "raw-8khz-8bit-mono-mulaw"
_PRESETS = {"andrew": "en-US-AndrewNeural", "brian": "en-US-BrianNeural", "emma": "en-US-EmmaNeural"}
"""Vapi's short names."""
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


class Options(ProviderOptions):
    """`voiceId` is a voice's name, such as en-US-JennyNeural, or one of Vapi's andrew, brian and emma. `speed` 1 is the
    voice's own pace."""

    voice_id: str = Field(min_length=1)
    speed: float | None = Field(default=None, ge=0.5, le=2)


def make(options: Options, credential: Credential) -> Voice:
    """A voice of Azure's, in the credential's region or at its address.

    :raises ConfigError: there is neither
    """
    return AzureVoice(options, credential, url=_address(credential))


class AzureVoice:
    """One voice; its connections are shared by all calls."""

    def __init__(self, options: Options, credential: Credential, *, url: str) -> None:
        self._options = options
        self._url = url
        self._name = _PRESETS.get(options.voice_id, options.voice_id)
        self._headers = {
            "Ocp-Apim-Subscription-Key": credential.key,
            "Content-Type": "application/ssml+xml",
            "X-Microsoft-OutputFormat": _FORMAT,
            "User-Agent": "parley",
        }
        self._client = http_client()

    @property
    def capabilities(self) -> VoiceCapabilities:
        """REST tells no word times."""
        return VoiceCapabilities(word_times=False)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """Stream the audio; raises `ProviderError` as `audio_of` does."""
        audio = TelephoneAudio(encoding="mulaw")
        content = ssml(text, self._name, self._options.speed)
        usage = Usage("voice", "azure", self._name, characters=billed_characters(content))
        request = SpeechRequest(f"The voice {self._name} of azure", self._url, self._headers, content.encode())
        async with aclosing(audio_of(self._client, request, lambda: context.meter(usage))) as pieces:
            async for piece in pieces:
                yield VoiceChunk(audio.push(piece))

    async def prepare(self) -> None:
        """Open a connection."""
        await touch(self._client, self._url)

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()


def ssml(text: str, voice: str, speed: float | None = None) -> str:
    """The request's body (W3C SSML 1.0). Characters that XML cannot hold are left out."""
    said = escape(_NOT_XML.sub("", text))
    paced = said if speed is None else f'<prosody rate="{speed:g}">{said}</prosody>'
    language = "-".join(voice.split("-")[:2]) if voice.count("-") >= 2 else "en-US"
    return (
        f'<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang={quoteattr(language)}>'
        f"<voice name={quoteattr(voice)}>{paced}</voice></speak>"
    )


def billed_characters(content: str) -> int:
    """What Azure counts of a body: all within `voice`."""
    inside = content.partition("<voice ")[2].partition(">")[2].rpartition("</voice>")[0]
    return len(inside) + len(_HAN.findall(inside))


def _address(credential: Credential) -> str:
    if credential.api_url:
        return credential.api_url.rstrip("/").removesuffix(_PATH) + _PATH
    if not credential.region:
        raise ConfigError(
            "The voice provider azure needs a region: set AZURE_SPEECH_REGION, or write "
            "{provider: azure, apiKey: …, region: westeurope} under credentials in parley.yaml."
        )
    return f"https://{credential.region}.tts.speech.microsoft.com{_PATH}"
