"""A server of the user's that speaks OpenAI's chat completions, with what Vapi tells it of the call (`custom-llm`).

Wire format: as OpenAI's, POST `{url}/chat/completions`; the body also has what `metadataSendMode` says
(https://docs.vapi.ai/customization/custom-llm/using-your-server).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from openai import Omit
from pydantic import Field

from gateway.errors import ProviderAuthentication
from gateway.providers.base import CallContext, ChatRequest, LanguageModel
from gateway.providers.credentials import Credential
from gateway.providers.llm.openai import OpenAiWire
from gateway.providers.llm.openai import Options as OpenAiOptions
from gateway.providers.llm.options import ModelOptions
from gateway.providers.llm.streamed_model import StreamedModel
from gateway.providers.llm.wire import Piece
from gateway.providers.oauth2 import OAuth2Token

_PATH = "/chat/completions"
_SECRETS = frozenset({"secret", "headers", "apiKey", "authenticationPlan", "credentials"})


class Options(ModelOptions):
    """`url` may end in /chat/completions or not. `headers` go along with each request; the key does not belong there
    but into a credential. `timeout_seconds` is Vapi's here, 20 by default."""

    UNUSED: ClassVar[frozenset[str]] = ModelOptions.UNUSED | {"word_level_confidence_enabled"}

    url: str = Field(pattern="^https?://")
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    strict_turns: bool = False
    metadata_send_mode: Literal["off", "variable", "destructured"] = "variable"
    timeout_seconds: float = Field(default=20, gt=0, le=300)
    word_level_confidence_enabled: bool | None = None


def make(options: Options, credential: Credential) -> LanguageModel:
    """A server's model. Key or token go along where there is one."""
    return StreamedModel(CustomLlmWire(options, credential))


class CustomLlmWire(OpenAiWire):
    """A user's server. It may answer nothing on purpose, and need not say why it stops."""

    lenient = True

    def __init__(self, options: Options, credential: Credential) -> None:
        shared = options.model_dump(include={"model", "temperature", "max_tokens", "timeout_seconds", "strict_turns"})
        url, query = _base(options.url)
        super().__init__(OpenAiOptions(url=url, **shared), credential, url=url, query=query)
        self._mode = options.metadata_send_mode
        self._headers = {name: value for name, value in options.headers.items() if name.lower() != "authorization"}
        plan = credential.authentication_plan
        self._token = OAuth2Token(plan) if plan else None

    async def prepare(self) -> None:
        """Open a connection, and have a token: the first answer would wait for it.

        :raises ProviderError: there is no token
        """
        if self._token:
            await self._token.value()
        await super().prepare()

    async def close(self) -> None:
        """Close all connections."""
        await super().close()
        if self._token:
            await self._token.close()

    async def pieces(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        """The server's chunks; see `ModelWire`."""
        try:
            async with aclosing(super().pieces(request)) as pieces:
                async for piece in pieces:
                    yield piece
        except ProviderAuthentication:
            if self._token:
                self._token.forget()
            raise

    def body(self, request: ChatRequest) -> dict[str, Any]:
        """What is asked, and what the server may know of the call."""
        return {**about(request.context, self._mode), **super().body(request)}

    async def headers(self) -> Mapping[str, str | Omit]:
        """Headers beside the SDK's."""
        bearer = {"Authorization": f"Bearer {await self._token.value()}"} if self._token else {}
        return {**self._headers, **await super().headers(), **bearer}


def about(context: CallContext, mode: Literal["off", "variable", "destructured"]) -> dict[str, Any]:
    """What a request says of its call: nothing, or call, phoneNumber, customer and assistant, with the assistant's
    metadata as one variable or each of them by itself."""
    if mode == "off":
        return {}
    metadata = context.assistant.get("metadata") or {}
    parties = {name: context.call[name] for name in ("phoneNumber", "customer") if name in context.call}
    told = {"call": dict(context.call), "assistant": _public(context.assistant), **parties}
    return {**metadata, **told} if mode == "destructured" else {"metadata": metadata, **told}


def _public(part: Any) -> Any:
    """A part of an assistant without what is meant for other servers."""
    if isinstance(part, Mapping):
        return {name: _public(value) for name, value in part.items() if name not in _SECRETS}
    return [_public(one) for one in part] if isinstance(part, list) else part


def _base(url: str) -> tuple[str, dict[str, str]]:
    """The base of the SDK's URLs, and the query of each of them."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix(_PATH)
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), dict(parse_qsl(parts.query))
