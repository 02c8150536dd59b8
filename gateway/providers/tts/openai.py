"""OpenAI's voices, and those of servers that speak its `audio/speech`.

Wire format: OpenAI's "Create speech" through its SDK: raw PCM at 24000 Hz, the only rate there is. The models that bill
tokens are asked for events (`stream_format: sse`: `speech.audio.delta`, `speech.audio.done` with the tokens); a server
that answers with plain audio all the same is understood, too.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from pydantic import Field

from gateway.errors import ProviderTimeout, ProviderUnavailable
from gateway.providers.base import OUTSIDE_CALL, CallContext, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.refusals import complaint, refusal
from gateway.providers.tts.telephone_audio import TelephoneAudio
from gateway.providers.usage import Usage

_RATE = 24000
_SECONDS = 10.0
_KEPT_SECONDS = 60
_PER_TOKEN = "gpt-"  # noqa: S105  how the names of models begin that bill tokens


class Options(ProviderOptions):
    """`instructions` are for models that take them (not tts-1, tts-1-hd), such as the tone to speak in."""

    voice_id: str = Field(min_length=1)
    model: str = "gpt-4o-mini-tts"
    instructions: str = Field(default="", max_length=10_000)
    speed: float | None = Field(default=None, ge=0.25, le=4)


def make(options: Options, credential: Credential) -> Voice:
    """A voice of OpenAI's, or of the server at the credential's address."""
    return OpenAiVoice(options, credential)


@dataclass(slots=True)
class _Bill:
    """What the server says of the tokens; nothing until it is done."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class OpenAiVoice:
    """One voice; its connections are shared by all calls."""

    def __init__(self, options: Options, credential: Credential) -> None:
        self._options = options
        self._who = f"The voice {options.model} of openai"
        limits = httpx2.Limits(keepalive_expiry=_KEPT_SECONDS)
        self._client = openai.AsyncOpenAI(
            api_key=credential.key,
            base_url=credential.api_url,
            max_retries=0,
            timeout=_SECONDS,
            http_client=openai.DefaultAsyncHttpxClient(limits=limits),
        )

    @property
    def capabilities(self) -> VoiceCapabilities:
        """Audio alone comes."""
        return VoiceCapabilities(word_times=False)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """Stream the audio.

        :raises ProviderError: by the server's status, its silence, or what it sends
        """
        audio, bill = TelephoneAudio(_RATE), _Bill()
        async with self._answer(text) as response:
            try:
                async with aclosing(_audio(response, bill, self._who)) as pieces:
                    async for piece in pieces:
                        if pcm := audio.push(piece):
                            yield VoiceChunk(pcm)
                if pcm := audio.flush():
                    yield VoiceChunk(pcm)
            finally:
                context.meter(self._usage(text, audio, bill))

    async def prepare(self) -> None:
        """Open a connection."""
        try:
            await self._client.with_options(timeout=2).models.retrieve(self._options.model)
        except openai.OpenAIError:
            return

    async def close(self) -> None:
        """End the connections."""
        await self._client.close()

    def _usage(self, text: str, audio: TelephoneAudio, bill: _Bill) -> Usage:
        return Usage(
            "voice",
            "openai",
            self._options.model,
            seconds=audio.seconds,
            characters=len(text),
            prompt_tokens=bill.prompt_tokens,
            completion_tokens=bill.completion_tokens,
        )

    @asynccontextmanager
    async def _answer(self, text: str) -> AsyncIterator[openai.AsyncAPIResponse[bytes]]:
        """The answer that the server begins to give, its faults as ours."""
        options, omit = self._options, openai.omit
        request = self._client.audio.speech.with_streaming_response.create(
            input=text,
            model=options.model,
            voice=options.voice_id,
            response_format="pcm",
            instructions=options.instructions or omit,
            speed=omit if options.speed is None else options.speed,
            stream_format="sse" if options.model.startswith(_PER_TOKEN) else omit,
        )
        try:
            async with request as response:
                yield response
        except openai.APIStatusError as error:
            raise refusal(self._who, error.status_code, error.response.text, error.response.headers) from error
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise ProviderTimeout(f"{self._who} sent nothing for {_SECONDS:g} s.") from error
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            reason = str(error.__cause__ or error) or type(error).__name__
            raise ProviderUnavailable(f"{self._who} cannot be reached: {reason}.") from error


async def _audio(response: Any, bill: _Bill, who: str) -> AsyncGenerator[bytes, None]:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        raise ProviderUnavailable(f"{who} answered with {kind} and not with audio.")
    if kind != "text/event-stream":
        async for piece in response.iter_bytes():
            yield piece
        return
    last = b""
    async for line in response.iter_lines():
        if line.startswith("data:") and line != "data: [DONE]":
            piece = _piece(line.removeprefix("data:"), bill, who)
            # An event that comes twice is heard once: speech does not repeat itself to the bit, only silence does.
            if piece and (piece != last or not any(piece)):
                yield piece
            last = piece or last


def _piece(data: str, bill: _Bill, who: str) -> bytes:
    """The audio of an event; of the last one the tokens.

    :raises ProviderUnavailable: it is an error, or no event of this protocol
    """
    try:
        event = json.loads(data)
        match event.get("type"):
            case "speech.audio.delta":
                return base64.b64decode(event["audio"], validate=True)
            case "speech.audio.done":
                usage = event.get("usage") or {}
                bill.prompt_tokens = usage.get("input_tokens", 0)
                bill.completion_tokens = usage.get("output_tokens", 0)
        broken = "error" in event
    except (ValueError, binascii.Error, KeyError, AttributeError) as error:
        raise ProviderUnavailable(f"{who} sent what is no event of its protocol: {data[:80]!r}.") from error
    if broken:
        raise ProviderUnavailable(f"{who} broke off: {complaint(data)}.")
    return b""
