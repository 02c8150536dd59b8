"""OpenAI's transcribers, and those of servers that speak its API.

The gpt-4o models are streamed to (`openai_realtime`). Whisper, and whatever a server at `url` has, is asked once per
segment (`openai_audio`).
"""

from __future__ import annotations

from pydantic import Field

from gateway.providers.base import Transcriber
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.stt.openai_audio import OpenAiAudioRecogniser
from gateway.providers.stt.openai_realtime import OpenAiRealtimeRecogniser
from gateway.providers.stt.requests import RequestTranscriber
from gateway.providers.stt.streaming import StreamingTranscriber

ADDRESS = "https://api.openai.com/v1"


class Options(ProviderOptions):
    """`language` is an ISO 639-1 code, such as "en". `url` (ours, not Vapi's) is the base of another server with
    `/audio/transcriptions`, up to and with /v1."""

    model: str = Field(default="gpt-4o-transcribe", min_length=1)
    language: str | None = Field(default=None, pattern="^[a-z]{2,3}$")
    url: str | None = Field(default=None, pattern="^https?://")


def make(options: Options, credential: Credential) -> Transcriber:
    """The transcriber of a model. The key goes to OpenAI, or to the address that stands beside it, and nowhere else."""
    address = credential.api_url or ADDRESS
    if options.url is not None:
        key = credential.key if options.url == address else ""
        return RequestTranscriber(OpenAiAudioRecogniser(options.url, key, options.model, options.language))
    if "whisper" in options.model:
        return RequestTranscriber(OpenAiAudioRecogniser(address, credential.key, options.model, options.language))
    return StreamingTranscriber(OpenAiRealtimeRecogniser(address, credential.key, options.model, options.language))
