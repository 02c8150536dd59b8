"""Gladia's live transcriber, version 2 of the API.

Wire format: "Initiate a session" and "Live WebSocket" of Gladia's API reference (its AsyncAPI document), and the types
of its Python SDK. POST /v2/live with the settings answers with the address of a WebSocket; audio is binary, 8000 Hz
µ-law, and is acknowledged by its byte range. A lost connection is taken up again at the same address.
"""

from __future__ import annotations

import functools
import ssl
from contextlib import suppress
from typing import Any, ClassVar, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.errors import ProviderTimeout, ProviderUnavailable
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import Transcriber
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.refusals import complaint, refusal
from gateway.providers.stt.connection import RecogniserTraits
from gateway.providers.stt.gladia_connection import WHO, GladiaConnection
from gateway.providers.stt.resumable_socket import ResumableSocket
from gateway.providers.stt.streaming import StreamingTranscriber
from gateway.providers.web_socket import understood

ADDRESS = "https://api.gladia.io"
_SESSION_SECONDS = 3 * 3600.0
_HINT_CHARACTERS = 600


class VocabularyItem(BaseModel):
    """A word that is likely, and how it sounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: str
    pronunciations: list[str] | None = None
    intensity: float | None = Field(default=None, ge=0, le=1)
    language: str | None = None


class CustomVocabularyConfig(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    vocabulary: list[str | VocabularyItem]
    default_intensity: float = Field(default=0.5, ge=0, le=1)


class Options(ProviderOptions):
    """Vapi's GladiaTranscriber. Its models "fast" and "accurate" are those of an API that is no more: they mean
    "solaria-1" too. The words of `transcriptionHint`, which that API had, go into the vocabulary. `endpointing` is the
    silence (s) after which a text becomes final; a longer one is waited for at the end of a turn."""

    model: Literal["fast", "accurate", "solaria-1"] = "solaria-1"
    language_behaviour: Literal["manual", "automatic single language", "automatic multiple languages"] | None = None
    language: str | None = None
    languages: list[str] = Field(default_factory=list)
    transcription_hint: str = Field(default="", max_length=_HINT_CHARACTERS)
    prosody: bool = False
    audio_enhancer: bool = False
    confidence_threshold: float = Field(default=0.4, ge=0, le=1)
    endpointing: float = Field(default=0.05, ge=0.01, le=10)
    speech_threshold: float | None = Field(default=None, ge=0, le=1)
    custom_vocabulary_enabled: bool = False
    custom_vocabulary_config: CustomVocabularyConfig | None = None
    region: Literal["us-west", "eu-west"] | None = None
    receive_partial_transcripts: bool = True

    UNUSED: ClassVar[frozenset[str]] = frozenset({"prosody"})

    @property
    def session(self) -> dict[str, Any]:
        """The settings of a session, as Gladia has them."""
        languages = self.languages or ([self.language] if self.language else [])
        vocabulary = self._vocabulary
        processing = {"custom_vocabulary": True, "custom_vocabulary_config": vocabulary} if vocabulary else {}
        speech = {} if self.speech_threshold is None else {"speech_threshold": self.speech_threshold}
        return {
            "encoding": "wav/ulaw",
            "bit_depth": 8,
            "sample_rate": SAMPLE_RATE,
            "channels": 1,
            "model": "solaria-1",
            "endpointing": self.endpointing,
            "language_config": {
                "languages": languages,
                "code_switching": self.language_behaviour == "automatic multiple languages",
            },
            "pre_processing": {"audio_enhancer": self.audio_enhancer, **speech},
            "realtime_processing": processing,
            "messages_config": {
                "receive_partial_transcripts": self.receive_partial_transcripts,
                "receive_final_transcripts": True,
                "receive_speech_events": False,
                "receive_pre_processing_events": False,
                "receive_realtime_processing_events": False,
                "receive_post_processing_events": False,
                "receive_acknowledgments": True,
                "receive_errors": True,
                "receive_lifecycle_events": False,
            },
        }

    @property
    def _vocabulary(self) -> dict[str, Any]:
        hints = [hint.strip() for hint in self.transcription_hint.split(",") if hint.strip()]
        config = self.custom_vocabulary_config if self.custom_vocabulary_enabled else None
        if config is None:
            return {"vocabulary": hints} if hints else {}
        known = config.model_dump(exclude_none=True)
        return {**known, "vocabulary": known["vocabulary"] + hints}


def make(options: Options, credential: Credential) -> Transcriber:
    """The transcriber."""
    return StreamingTranscriber(GladiaRecogniser(options, credential))


class Session(BaseModel):
    """What Gladia answers."""

    url: str


class GladiaRecogniser:
    """Opens sessions."""

    def __init__(self, options: Options, credential: Credential) -> None:
        self._options = options
        self._address = (credential.api_url or ADDRESS).rstrip("/")
        self._headers = {"X-Gladia-Key": credential.key}

    @property
    def traits(self) -> RecogniserTraits:
        """Gladia bills the audio; a session lasts three hours at most."""
        return RecogniserTraits("gladia", self._options.model, session_seconds=_SESSION_SECONDS)

    async def connect(self) -> GladiaConnection:
        """A session.

        :raises ProviderError: it is refused, or cannot be reached
        """
        session = await self._session()
        return GladiaConnection(await ResumableSocket.open(WHO, session.url), self._options.confidence_threshold)

    async def _session(self) -> Session:
        region = {"region": self._options.region} if self._options.region else {}
        try:
            # A client of its own: this is done once per call, and nobody has to close it.
            async with httpx.AsyncClient(verify=_trust()) as client:
                answer = await client.post(
                    f"{self._address}/v2/live", params=region, headers=self._headers, json=self._options.session
                )
        except httpx.TimeoutException as error:
            raise ProviderTimeout(f"{WHO} did not answer in time.") from error
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"{WHO} cannot be reached: {complaint(str(error))}.") from error
        if answer.is_error:
            raise refusal(WHO, answer.status_code, answer.content, answer.headers)
        return understood(WHO, Session, _json(answer))


def _json(answer: httpx.Response) -> dict[str, Any]:
    with suppress(ValueError):
        if isinstance(content := answer.json(), dict):
            return content
    raise ProviderUnavailable(f"{WHO} sent what is no JSON object.")


@functools.cache
def _trust() -> ssl.SSLContext:
    """Reading all certificates takes a while, so once."""
    return httpx.create_ssl_context()
