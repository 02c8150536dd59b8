"""OpenAI's models, and those of every host that speaks its chat completions: Groq, OpenRouter, vLLM, Ollama and more.

Wire format: POST `{url}/chat/completions` with `stream: true` by the `openai` SDK; the answer is server-sent events,
each a chunk with a delta, ended by `[DONE]` (https://platform.openai.com/docs/api-reference/chat-streaming).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import openai
from openai import AsyncOpenAI, AsyncStream, Omit
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from pydantic import Field

from gateway.errors import ConfigError, ProviderError, ProviderUnavailable
from gateway.providers.base import ChatRequest, LanguageModel, TextDelta
from gateway.providers.catalogue import MODELS
from gateway.providers.credentials import Credential
from gateway.providers.llm import chat_completions, http, reasoning
from gateway.providers.llm.options import ModelOptions
from gateway.providers.llm.streamed_model import StreamedModel
from gateway.providers.llm.wire import Finish, Piece, Tokens, ToolCallDelta

_OPENAI = "https://api.openai.com/v1"


class Options(ModelOptions):
    """`url` is the server's base, up to and with /v1. `strict_turns` is ours: models such as Gemma refuse a
    conversation that the assistant begins, or in which one side speaks twice; it is put into turns for them."""

    UNUSED: ClassVar[frozenset[str]] = ModelOptions.UNUSED | {"tool_strict_compatibility_mode"}

    url: str = Field(default=_OPENAI, pattern="^https?://")
    strict_turns: bool = False
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    prompt_cache_key: str | None = Field(default=None, max_length=64)
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    tool_strict_compatibility_mode: str | None = None


def make(options: Options, credential: Credential) -> LanguageModel:
    """The model of a server. The key goes along where there is one.

    :raises ConfigError: an assistant would have the key go to an address of its own
    """
    entry = MODELS.get(credential.provider)
    if entry and entry.key and options.url != entry.defaults["url"]:
        raise ConfigError(
            f'The model provider "{credential.provider}" takes no url: another address is the apiUrl of its '
            'credential, and "custom-llm" is for any server.'
        )
    return StreamedModel(OpenAiWire(options, credential))


class OpenAiWire:
    """A server's model by the SDK of OpenAI; the connection pool is shared by all calls.

    :param url: the address, whatever options and credential say
    :param query: of each request
    """

    lenient = False

    def __init__(
        self,
        options: Options,
        credential: Credential,
        *,
        url: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> None:
        self.provider = credential.provider
        self.model = options.model
        self.who = f"The model {options.model} of {credential.provider}"
        self._options = options
        self._credential = credential
        self._url = (url or credential.api_url or options.url).rstrip("/")
        self._pool = http.pool(options.timeout_seconds)
        # The key goes with each request, so that the SDK never takes OPENAI_API_KEY for another host.
        self._client = AsyncOpenAI(
            api_key="-",
            base_url=self._url,
            http_client=self._pool,
            default_query=query,
            timeout=http.timeouts(options.timeout_seconds),
            max_retries=0,
        )

    async def prepare(self) -> None:
        """Open a connection."""
        await http.open_connection(self._pool, self._url)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def pieces(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        """The server's chunks; see `ModelWire`."""
        with self._errors():
            stream = await self._ask(request)
            async with stream:
                before = None
                async for chunk in stream:
                    # OpenAI gives each chunk random letters of its own: the same ones again are the same chunk again.
                    if before is not None and chunk == before and getattr(chunk, "obfuscation", None):
                        continue
                    before = chunk
                    for piece in self._read(chunk):
                        yield piece

    async def _ask(self, request: ChatRequest) -> AsyncStream[ChatCompletionChunk]:
        # By `post` and not by `chat.completions.create`: hosts have fields and values that its types do not know.
        return await self._client.post(
            "/chat/completions",
            cast_to=ChatCompletionChunk,
            body=self.body(request),
            options={"headers": await self.headers()},
            stream=True,
            stream_cls=AsyncStream[ChatCompletionChunk],
        )

    def body(self, request: ChatRequest) -> dict[str, Any]:
        """What is asked, without fields that are not set."""
        options = self._options
        body: dict[str, Any] = {
            "model": options.model,
            "messages": self._messages(request),
            "stream": True,
            "stream_options": {"include_usage": True},
            "tools": [chat_completions.tool(tool) for tool in request.tools] or None,
            "prompt_cache_key": options.prompt_cache_key,
            "prompt_cache_retention": options.prompt_cache_retention,
            **reasoning.limits(
                options.model,
                temperature=options.temperature,
                max_tokens=options.max_tokens,
                effort=options.reasoning_effort,
            ),
        }
        return {name: value for name, value in body.items() if value is not None}

    def _messages(self, request: ChatRequest) -> list[dict[str, Any]]:
        if self._options.strict_turns:
            return chat_completions.alternating(request.messages)
        return [chat_completions.message(message) for message in request.messages]

    async def headers(self) -> Mapping[str, str | Omit]:
        """Headers beside the SDK's. The organisation that the environment names is nothing for other hosts."""
        key = self._credential.key
        known: dict[str, str | Omit] = {"Authorization": f"Bearer {key}" if key else Omit()}
        if not self._url.startswith(_OPENAI):
            known |= {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
        return known

    def _read(self, chunk: ChatCompletionChunk) -> list[Piece]:
        try:
            return list(_pieces(chunk))
        except (AttributeError, TypeError) as error:  # The SDK lets any JSON through.
            raise ProviderError(f"{self.who} sent an event that is not of chat completions.") from error

    @contextmanager
    def _errors(self) -> Iterator[None]:
        seconds = self._options.timeout_seconds
        try:
            with http.transport_errors(self.who, seconds):
                yield
        except openai.APIStatusError as error:
            raise http.refused(
                self.who, error.status_code, error.response.text, error.response.headers, self._credential
            ) from error
        except openai.APITimeoutError as error:
            raise http.timed_out(self.who, seconds) from error
        except openai.APIConnectionError as error:
            raise http.unreachable(self.who, error.__cause__) from error
        except openai.APIError as error:
            raise ProviderUnavailable(f"{self.who} broke off: {error.message.rstrip('.')}.") from error
        except ValueError as error:
            raise ProviderError(f"{self.who} sent an event that is not of chat completions: {error}.") from error


def _pieces(chunk: ChatCompletionChunk) -> Iterator[Piece]:
    """What is in a chunk. Thoughts (`reasoning`, `reasoning_content`) are left where they are."""
    if chunk.usage:
        yield _tokens(chunk.usage)
    for choice in (chunk.choices or ())[:1]:
        delta = choice.delta
        if delta and (text := delta.content or delta.refusal):
            yield TextDelta(text)
        for call in (delta and delta.tool_calls) or ():
            function = call.function
            yield ToolCallDelta(
                call.index or 0,
                call.id or "",
                (function and function.name) or "",
                (function and function.arguments) or "",
            )
        if choice.finish_reason:
            yield _finish(choice.finish_reason)


def _finish(reason: str) -> Finish:
    match reason:
        case "length":
            return Finish("length")
        case "content_filter":
            return Finish("filtered", "its content filter withholds the rest")
    return Finish("complete")


def _tokens(usage: CompletionUsage) -> Tokens:
    details = usage.prompt_tokens_details
    cached = (details and details.cached_tokens) or 0
    # DeepSeek's own name for it.
    cached = cached or getattr(usage, "prompt_cache_hit_tokens", 0) or 0
    return Tokens(usage.prompt_tokens, cached, usage.completion_tokens)
