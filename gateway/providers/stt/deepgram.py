"""Deepgram: nova and its elders by /v1/listen, Flux by /v2/listen, through Deepgram's own SDK.

Documents: developers.deepgram.com/reference, "Live audio" and "Turn-based audio (Flux)".
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from pydantic import Field

from gateway.errors import ProviderError
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import Transcriber
from gateway.providers.credentials import Credential
from gateway.providers.options import ProviderOptions
from gateway.providers.refusals import refusal
from gateway.providers.stt.connection import RecogniserConnection, RecogniserTraits
from gateway.providers.stt.deepgram_connection import WHO
from gateway.providers.stt.deepgram_flux import FluxConnection
from gateway.providers.stt.deepgram_nova import NovaConnection
from gateway.providers.stt.streaming import StreamingTranscriber
from gateway.providers.web_socket import socket_errors

Redaction = Literal["pci", "pii", "phi", "numbers"]

_ADDRESS = "wss://api.deepgram.com"
_IDLE_SECONDS = 10.0


class Options(ProviderOptions):
    """Vapi's DeepgramTranscriber."""

    model: str = "nova-3"
    language: str = "en"
    languages: list[str] = Field(default_factory=list)
    smart_format: bool = False
    mip_opt_out: bool = False
    numerals: bool = False
    profanity_filter: bool = False
    redaction: Redaction | list[Redaction] = Field(default_factory=list)
    confidence_threshold: float = Field(default=0.4, ge=0, le=1)
    eot_threshold: float | None = Field(default=None, ge=0.5, le=0.9)
    eot_timeout_ms: int | None = Field(default=None, ge=500, le=10_000)
    keywords: list[str] = Field(default_factory=list)
    keyterm: list[str] = Field(default_factory=list)
    endpointing: int = Field(default=300, ge=10, le=500)

    @property
    def flux(self) -> bool:
        """Whether the model finds the ends of turns, and so speaks the second version of the protocol."""
        return self.model.startswith("flux")


def make(options: Options, credential: Credential) -> Transcriber:
    """The transcriber."""
    return StreamingTranscriber(Deepgram(options, credential))


class Deepgram:
    """Opens connections to Deepgram, or to a server of the user's that speaks like it."""

    def __init__(self, options: Options, credential: Credential) -> None:
        self._options = options
        address = _websocket_address(credential.api_url or _ADDRESS)
        places = DeepgramClientEnvironment(base=address, production=address, agent=address, agent_rest=address)
        self._client = AsyncDeepgramClient(api_key=credential.key, environment=places)

    @property
    def traits(self) -> RecogniserTraits:
        """Deepgram bills the audio that it gets."""
        options = self._options
        return RecogniserTraits("deepgram", options.model, idle_seconds=_IDLE_SECONDS, endpoints=options.flux)

    async def connect(self) -> RecogniserConnection:
        """A new connection. :raises ProviderError: it is refused, or Deepgram cannot be reached"""
        stack = AsyncExitStack()
        if self._options.flux:
            socket = await _entered(stack, self._client.listen.v2.connect(**flux_parameters(self._options)))
            return FluxConnection(socket, stack)
        socket = await _entered(stack, self._client.listen.v1.connect(**nova_parameters(self._options)))
        return NovaConnection(socket, stack, confidence=self._options.confidence_threshold)


async def _entered(stack: AsyncExitStack, connecting: AbstractAsyncContextManager[Any]) -> Any:
    """The SDK's errors repeat the headers of the request: they are never the cause of ours."""
    failure: ProviderError
    try:
        with socket_errors(WHO):
            return await stack.enter_async_context(connecting)
    except ApiError as error:
        answered = error.__context__
        headers: Mapping[str, str] = getattr(answered, "headers", None) or {}
        failure = refusal(WHO, error.status_code or 0, str(error.body or ""), headers)
    raise failure


def nova_parameters(options: Options) -> dict[str, Any]:
    """The query of /v1/listen."""
    return {
        **_common(options),
        "language": options.language,
        "channels": 1,
        "punctuate": True,
        "smart_format": options.smart_format,
        "interim_results": True,
        "endpointing": options.endpointing,
        "keywords": options.keywords or None,
    }


def flux_parameters(options: Options) -> dict[str, Any]:
    """The query of /v2/listen."""
    return {
        **_common(options),
        "language_hint": options.languages or None,
        "eot_threshold": options.eot_threshold,
        "eot_timeout_ms": options.eot_timeout_ms,
    }


def _common(options: Options) -> dict[str, Any]:
    redaction = [options.redaction] if isinstance(options.redaction, str) else options.redaction
    return {
        "model": options.model,
        "encoding": "linear16",
        "sample_rate": SAMPLE_RATE,
        "keyterm": options.keyterm or None,
        "numerals": options.numerals or None,
        "profanity_filter": options.profanity_filter or None,
        "redact": redaction or None,
        "mip_opt_out": options.mip_opt_out or None,
    }


def _websocket_address(address: str) -> str:
    parts = urlsplit(address.rstrip("/"))
    return urlunsplit(parts._replace(scheme={"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)))
