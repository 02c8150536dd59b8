"""Mistral's models by the SDK `mistralai`.

Wire format: POST `/v1/chat/completions` with `stream: true` (https://docs.mistral.ai/api/endpoint/chat): events as
OpenAI's, but with whole tool calls, content that may be chunks of text and of thoughts, and the usage in the last one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any, cast

from mistralai.client import Mistral, models
from mistralai.client.errors import MistralError, NoResponseError
from mistralai.client.utils.eventstreaming import EventStreamAsync
from pydantic import TypeAdapter

from gateway.errors import ProviderError
from gateway.providers.base import ChatRequest, LanguageModel, TextDelta
from gateway.providers.credentials import Credential
from gateway.providers.llm import http
from gateway.providers.llm.mistral_messages import messages, tools
from gateway.providers.llm.options import ModelOptions
from gateway.providers.llm.streamed_model import StreamedModel
from gateway.providers.llm.tool_schemas import ToolNames
from gateway.providers.llm.wire import Finish, Piece, Tokens, ToolCallDelta

_URL = "https://api.mistral.ai"
_MESSAGES = TypeAdapter(list[models.ChatCompletionStreamRequestMessage])
_TOOLS = TypeAdapter(list[models.ChatCompletionStreamRequestTool])
"""Made once: from plain dictionaries the SDK makes such models with each request, and takes milliseconds for it."""


class Options(ModelOptions):
    """Nothing beside what all models have."""


def make(options: Options, credential: Credential) -> LanguageModel:
    """A model of Mistral."""
    return StreamedModel(MistralWire(options, credential))


class MistralWire:
    """A model by the SDK of Mistral; the connection pool is shared by all calls."""

    lenient = False

    def __init__(self, options: Options, credential: Credential) -> None:
        self.provider = credential.provider
        self.model = options.model
        self.who = f"The model {options.model} of {credential.provider}"
        self._options = options
        self._credential = credential
        self._url = (credential.api_url or _URL).rstrip("/")
        self._pool = http.pool(options.timeout_seconds)
        self._client = Mistral(
            api_key=credential.key,
            server_url=self._url,
            async_client=self._pool,
            timeout_ms=round(1000 * options.timeout_seconds),
        )

    async def prepare(self) -> None:
        """Open a connection."""
        await http.open_connection(self._pool, self._url)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def pieces(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        """The server's events; see `ModelWire`."""
        names = ToolNames(request.tools)
        with self._errors():
            stream = await self._client.chat.stream_async(
                model=self.model,
                messages=_MESSAGES.validate_python(messages(request.messages, names)),
                tools=_TOOLS.validate_python(tools(request.tools, names)) or None,
                temperature=self._options.temperature,
                max_tokens=self._options.max_tokens,
            )
            # The SDK's own decoder makes a pydantic model for every event, which takes a millisecond of a core each.
            events = EventStreamAsync(stream.response, _Decoder(), sentinel="[DONE]")
            async with events:
                async for event in events:
                    ended = False
                    for piece in _pieces(event.data, names):
                        ended |= isinstance(piece, Finish)
                        yield piece
                    if ended:
                        # The SDK would close the connection over the few bytes behind the last event.
                        await http.drain(events.response)
                        return

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with http.transport_errors(self.who, self._options.timeout_seconds):
                yield
        except MistralError as error:
            raise http.refused(self.who, error.status_code, error.body, error.headers, self._credential) from error
        except NoResponseError as error:
            raise http.unreachable(self.who, error) from error
        except ValueError as error:
            raise ProviderError(f"{self.who} sent an event that is not of its chat: {error!s:.120}") from error


class _Decoder:
    """Reads events. Mistral gives each random letters of its own, `p`: the same event again came twice."""

    def __init__(self) -> None:
        self._before = ""

    def __call__(self, raw: str) -> models.CompletionEvent:
        if raw == self._before and '"p":' in raw:
            return cast(models.CompletionEvent, None)  # The stream passes over it.
        self._before = raw
        return models.CompletionEvent.model_validate_json(raw)


def _pieces(chunk: models.CompletionChunk, names: ToolNames) -> Iterator[Piece]:
    if chunk.usage:
        details = (chunk.usage.additional_properties or {}).get("prompt_tokens_details") or {}
        cached = details.get("cached_tokens") or 0
        yield Tokens(chunk.usage.prompt_tokens, cached, chunk.usage.completion_tokens)
    for choice in chunk.choices[:1]:
        if text := _text(choice.delta.content):
            yield TextDelta(text)
        for call in choice.delta.tool_calls or ():
            arguments = call.function.arguments
            identity = call.id if call.id and call.id != "null" else ""
            whole = arguments if isinstance(arguments, str) else json.dumps(arguments)
            yield ToolCallDelta(call.index or 0, identity, names.inside(call.function.name), whole)
        if choice.finish_reason:
            yield _finish(choice.finish_reason)


def _finish(reason: str) -> Finish:
    match reason:
        case "length" | "model_length":
            return Finish("length")
        case "error":
            return Finish("failed", "an error of its server")
    return Finish("complete")


def _text(content: Any) -> str:
    """What is to be spoken of a delta's content: not its thoughts, references and pictures."""
    if isinstance(content, list):
        return "".join(chunk.text for chunk in content if isinstance(chunk, models.TextChunk))
    return content if isinstance(content, str) else ""
