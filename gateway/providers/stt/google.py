"""Google's transcriber: a Gemini model that listens, by the SDK `google-genai`.

Wire format: POST `models/{model}:generateContent` (https://ai.google.dev/api/generate-content) with a WAV file per
segment inline (https://ai.google.dev/gemini-api/docs/audio). A schema holds the answer to the text alone: a model that
may say anything says something, also where nothing was said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types
from pydantic import BaseModel, Field, ValidationError

from gateway.errors import ProviderError, ProviderUnavailable
from gateway.providers.base import Transcriber, TranscriptHint
from gateway.providers.credentials import Credential
from gateway.providers.llm import http
from gateway.providers.llm.gemini_contents import thinking
from gateway.providers.options import ProviderOptions
from gateway.providers.refusals import complaint, refusal
from gateway.providers.stt.requests import Recognition, RequestTranscriber, seconds_of, wav
from gateway.providers.usage import Meter, Usage

ADDRESS = "https://generativelanguage.googleapis.com"
_SHORTEST_SECONDS = 0.1
_TIMEOUT_SECONDS = 20.0
_TOKENS = 2048
_TASK = (
    "You write down what a caller says on the telephone. Write exactly the words that are said, in the language in "
    "which they are said, with usual punctuation. Never answer, translate, explain, complete or describe. Ignore "
    "music, noise and tones. If no words are said, or none can be understood, the transcript is empty."
)
_EXPECTED = {
    "digits": "The caller was asked for a number.",
    "yes-no": "The caller was asked a question that yes or no would answer.",
    "name": "The caller was asked for a name.",
}


class Options(ProviderOptions):
    """Vapi's GoogleTranscriber. `language` is its English name, or "Multilingual"."""

    model: str = Field(default="gemini-2.5-flash", min_length=1)
    language: str = Field(default="Multilingual", pattern="^[A-Z][a-z]+$")


def make(options: Options, credential: Credential) -> Transcriber:
    """The transcriber."""
    return RequestTranscriber(GoogleRecogniser(options, credential))


class Heard(BaseModel):
    """What the model answers."""

    transcript: str


class GoogleRecogniser:
    """One model; the connection pool is shared by all calls."""

    def __init__(self, options: Options, credential: Credential) -> None:
        self._options = options
        self._key = credential.key
        self._who = f"The transcriber {options.model} of google"
        self._url = (credential.api_url or ADDRESS).rstrip("/")
        self._pool = http.pool(_TIMEOUT_SECONDS)
        self._client = genai.Client(
            vertexai=False,
            api_key=credential.key,
            http_options=types.HttpOptions(
                base_url=self._url,
                timeout=round(1000 * _TIMEOUT_SECONDS),
                httpx_async_client=self._pool,
                retry_options=types.HttpRetryOptions(attempts=1),
            ),
        )

    async def recognise(self, pcm: bytes, hint: TranscriptHint, meter: Meter) -> Recognition:
        """The text; empty without a request for audio that is too short to hold a word.

        :raises ProviderError: by the server's status, its silence, or what it sends
        """
        if seconds_of(pcm) < _SHORTEST_SECONDS:
            return Recognition("")
        with self._errors():
            response = await self._client.aio.models.generate_content(
                model=self._options.model,
                contents=types.Part.from_bytes(data=wav(pcm), mime_type="audio/wav"),
                config=self._config(hint),
            )
        if response.usage_metadata is not None:
            meter(self._usage(response.usage_metadata))
        return Recognition(self._heard(response).transcript.strip())

    def _config(self, hint: TranscriptHint) -> types.GenerateContentConfig:
        return types.GenerateContentConfig(
            system_instruction=" ".join(self._task(hint)),
            temperature=0,
            max_output_tokens=_TOKENS,
            response_mime_type="application/json",
            response_schema=types.Schema(
                type=types.Type.OBJECT,
                properties={"transcript": types.Schema(type=types.Type.STRING)},
                required=["transcript"],
            ),
            thinking_config=thinking(self._options.model),
        )

    def _task(self, hint: TranscriptHint) -> Iterator[str]:
        yield _TASK
        if self._options.language != "Multilingual":
            yield f"The caller speaks {self._options.language}."
        if hint.expects in _EXPECTED:
            yield _EXPECTED[hint.expects]
        if hint.phrases:
            yield f"Likely words are: {', '.join(hint.phrases)}."

    def _heard(self, response: types.GenerateContentResponse) -> Heard:
        try:
            return Heard.model_validate_json(response.text or "")
        except ValidationError as error:
            reason = _reason(response)
            raise ProviderUnavailable(f"{self._who} sent no transcription: {reason}.") from error

    def _usage(self, used: types.GenerateContentResponseUsageMetadata) -> Usage:
        parts = used.prompt_tokens_details or ()
        audio = sum(part.token_count or 0 for part in parts if part.modality is types.MediaModality.AUDIO)
        return Usage(
            "transcriber",
            "google",
            self._options.model,
            prompt_tokens=used.prompt_token_count or 0,
            cached_prompt_tokens=used.cached_content_token_count or 0,
            completion_tokens=(used.candidates_token_count or 0) + (used.thoughts_token_count or 0),
            prompt_audio_tokens=audio,
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with http.transport_errors(self._who, _TIMEOUT_SECONDS):
                yield
        except errors.APIError as error:
            answer = error.response
            if not isinstance(answer, httpx2.Response):
                raise ProviderUnavailable(f"{self._who} broke off: {complaint(str(error))}.") from error
            raise refusal(self._who, error.code, answer.text, answer.headers, key=self._key) from error
        except ProviderError:
            raise
        except ValueError as error:  # the SDK lets the JSON parser's complaint pass
            raise ProviderUnavailable(f"{self._who} sent what is no response: {complaint(str(error))}.") from error

    async def prepare(self) -> None:
        """Open a connection."""
        await http.open_connection(self._pool, self._url)

    async def close(self) -> None:
        """Close all connections."""
        self._client.close()
        await self._pool.aclose()


def _reason(response: types.GenerateContentResponse) -> Any:
    """Why there is no text, as Google names it."""
    blocked = response.prompt_feedback.block_reason if response.prompt_feedback else None
    finished = response.candidates[0].finish_reason if response.candidates else None
    reason = blocked or finished
    return reason.value if reason is not None else "no reason given"
