"""OpenAI's transcription of files, by its SDK: POST /audio/transcriptions with a WAV file per segment.

Wire format: "Create transcription" of OpenAI's API reference. faster-whisper-server, vLLM, LocalAI and others speak it.
"""

from __future__ import annotations

import asyncio
import math

from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI, OpenAIError, omit
from openai.types.audio import Transcription, TranscriptionVerbose

from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.base import TranscriptHint
from gateway.providers.llm import http
from gateway.providers.refusals import complaint, refusal
from gateway.providers.stt.requests import Recognition, seconds_of, wav
from gateway.providers.usage import Meter, Usage

_SHORTEST_SECONDS = 0.1
"""Shorter audio is refused."""
_TIMEOUT_SECONDS = 20.0
_NO_KEY = "none"
"""The SDK wants one; servers of one's own often do not."""
_NO_SPEECH, _UNLIKELY = 0.6, -1.0
"""Whisper's own thresholds of silence (arXiv:2212.04356, section 4.5): beyond both its text is made up."""


class OpenAiAudioRecogniser:
    """One model of one server; its connections are shared by all calls."""

    def __init__(self, address: str, key: str, model: str, language: str | None) -> None:
        self._model = model
        self._verbose = "whisper" in model
        self._who = f"The transcriber {model} of openai"
        self._language = language
        self._address = address
        self._pool = http.pool(_TIMEOUT_SECONDS)
        self._client = AsyncOpenAI(api_key=key or _NO_KEY, base_url=address, max_retries=0, http_client=self._pool)

    async def recognise(self, pcm: bytes, hint: TranscriptHint, meter: Meter) -> Recognition:
        """The text; empty without a request for audio that is too short.

        :raises ProviderError: by the server's status, its silence, or what it sends
        """
        seconds = seconds_of(pcm)
        if seconds < _SHORTEST_SECONDS:
            return Recognition("")
        try:
            heard = await self._ask(pcm, hint)
        except asyncio.CancelledError:
            # The audio is there, and will be transcribed for nobody. What it costs in tokens nobody can tell.
            if self._verbose:
                meter(self._usage(seconds=seconds))
            raise
        meter(self._billed(heard, seconds))
        return _recognition(heard)

    async def _ask(self, pcm: bytes, hint: TranscriptHint) -> Transcription | TranscriptionVerbose:
        try:
            heard = await self._client.audio.transcriptions.create(
                file=("segment.wav", wav(pcm), "audio/wav"),
                model=self._model,
                response_format="verbose_json" if self._verbose else "json",
                temperature=0,
                language=self._language or omit,
                prompt=", ".join(hint.phrases) or omit,
            )
        except OpenAIError as error:
            raise self._error(error) from error
        except ValueError as error:  # the SDK lets the JSON parser's complaint pass
            raise ProviderUnavailable(f"{self._who} sent what is no JSON object.") from error
        if not isinstance(heard, Transcription | TranscriptionVerbose) or not isinstance(heard.text, str):
            raise ProviderUnavailable(f"{self._who} sent no transcription.")
        return heard

    def _error(self, error: OpenAIError) -> ProviderError:
        if isinstance(error, APIStatusError):
            return refusal(
                self._who, error.status_code, error.response.text, error.response.headers, key=self._client.api_key
            )
        if isinstance(error, APITimeoutError):
            return ProviderTimeout(f"{self._who} did not answer in time.")
        if isinstance(error, APIConnectionError):
            return ProviderUnavailable(f"{self._who} cannot be reached: {complaint(str(error.__cause__ or error))}.")
        return ProviderUnavailable(f"{self._who} failed: {complaint(str(error))}.")

    def _billed(self, heard: Transcription | TranscriptionVerbose, seconds: float) -> Usage:
        usage = heard.usage
        if usage is None:  # servers of one's own tell none
            return self._usage(seconds=seconds)
        if usage.type == "tokens":
            return self._usage(prompt_tokens=usage.input_tokens, completion_tokens=usage.output_tokens)
        return self._usage(seconds=usage.seconds)

    def _usage(self, *, seconds: float = 0.0, prompt_tokens: int = 0, completion_tokens: int = 0) -> Usage:
        return Usage(
            "transcriber",
            "openai",
            self._model,
            seconds=seconds,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
        )

    async def prepare(self) -> None:
        """Open a connection."""
        await http.open_connection(self._pool, self._address)

    async def close(self) -> None:
        """End the connections that are kept."""
        await self._client.close()


def _recognition(heard: Transcription | TranscriptionVerbose) -> Recognition:
    segments = (heard.segments or []) if isinstance(heard, TranscriptionVerbose) else []
    if not segments:
        return Recognition(heard.text.strip())
    said = [one for one in segments if one.no_speech_prob < _NO_SPEECH or one.avg_logprob > _UNLIKELY]
    if not said:
        return Recognition("")
    likelihood = sum(one.avg_logprob for one in said) / len(said)
    return Recognition(" ".join(one.text.strip() for one in said), min(1.0, math.exp(likelihood)))
