"""Anthropic's models by its SDK.

Wire format: POST `/v1/messages` with `stream: true` (https://platform.claude.com/docs/en/build-with-claude/streaming):
events of content blocks, each of text, of thoughts, or of a tool's input as pieces of JSON.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any, Literal, cast

import anthropic
from anthropic import AsyncAnthropic, AsyncStream
from anthropic.types import RawMessageStreamEvent
from pydantic import Field

from gateway.errors import ProviderError, ProviderUnavailable
from gateway.providers.base import ChatRequest, LanguageModel
from gateway.providers.credentials import Credential
from gateway.providers.llm import http
from gateway.providers.llm.anthropic_events import Reader
from gateway.providers.llm.anthropic_messages import messages, system, tools
from gateway.providers.llm.anthropic_thinking import thinking_fields
from gateway.providers.llm.kept import KeptByCall
from gateway.providers.llm.options import ModelOptions
from gateway.providers.llm.streamed_model import StreamedModel
from gateway.providers.llm.tool_schemas import ToolNames
from gateway.providers.llm.wire import Piece
from gateway.providers.options import ProviderOptions
from gateway.providers.refusals import complaint

_URL = "https://api.anthropic.com"
_MAX_TOKENS = 2048
"""The API wants a limit; the thoughts of models that always think are within it."""


class Thinking(ProviderOptions):
    """Thinking before the answer; it costs seconds of silence."""

    type: Literal["enabled"]
    budget_tokens: int = Field(ge=1024, le=100_000)


class Options(ModelOptions):
    """`thinking` is off where the model lets us."""

    thinking: Thinking | None = None


def make(options: Options, credential: Credential) -> LanguageModel:
    """A model of Anthropic."""
    return StreamedModel(AnthropicWire(options, credential))


class AnthropicWire:
    """A model by the SDK of Anthropic; the connection pool is shared by all calls."""

    lenient = False

    def __init__(self, options: Options, credential: Credential) -> None:
        self.provider = credential.provider
        self.model = options.model
        self.who = f"The model {options.model} of {credential.provider}"
        self._options = options
        self._credential = credential
        self._url = (credential.api_url or _URL).rstrip("/")
        self._pool = http.pool(options.timeout_seconds)
        self._thoughts = KeptByCall()
        self._client = AsyncAnthropic(
            api_key=credential.key,
            base_url=self._url,
            http_client=self._pool,
            timeout=http.timeouts(options.timeout_seconds),
            max_retries=0,
            open_telemetry=False,
        )

    async def prepare(self) -> None:
        """Open a connection."""
        await http.open_connection(self._pool, self._url)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def pieces(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        """The server's events; see `ModelWire`."""
        names = ToolNames(request.tools)
        reader = Reader(names, self._thoughts)
        with self._errors():
            stream = await self._ask(self.body(request, names))
            async with stream:
                async for event in stream:
                    for piece in self._read(reader, event):
                        yield piece

    async def _ask(self, body: dict[str, Any]) -> AsyncStream[RawMessageStreamEvent]:
        # The types of `create` are narrower than the wire; it knows no temperature, which older models still take.
        create = cast(Any, self._client.messages.create)
        temperature = {name: body.pop(name) for name in ("temperature",) if name in body}
        return cast(AsyncStream[RawMessageStreamEvent], await create(**body, extra_body=temperature))

    def body(self, request: ChatRequest, names: ToolNames) -> dict[str, Any]:
        """What is asked, without fields that are not set. System and tools are marked for the prompt cache."""
        options = self._options
        budget = options.thinking.budget_tokens if options.thinking else None
        body: dict[str, Any] = {
            "model": options.model,
            "max_tokens": (options.max_tokens or _MAX_TOKENS) + (budget or 0),
            "system": system(request.messages),
            "messages": messages(request.messages, names, self._thoughts),
            "tools": tools(request.tools, names),
            "stream": True,
            **thinking_fields(options.model, budget=budget, temperature=options.temperature),
        }
        return {name: value for name, value in body.items() if value != []}

    def _read(self, reader: Reader, event: RawMessageStreamEvent) -> list[Piece]:
        try:
            return list(reader.read(event))
        except (AttributeError, TypeError) as error:  # The SDK lets any JSON through.
            raise ProviderError(f"{self.who} sent an event that is not of its messages.") from error

    @contextmanager
    def _errors(self) -> Iterator[None]:
        seconds = self._options.timeout_seconds
        try:
            with http.transport_errors(self.who, seconds):
                yield
        except anthropic.APIStatusError as error:
            if error.status_code < 400:  # An event of an answer that had begun.
                reason = complaint(error.api_message or error.message)
                raise ProviderUnavailable(f"{self.who} broke off: {reason}.") from error
            raise http.refused(
                self.who, error.status_code, error.response.text, error.response.headers, self._credential
            ) from error
        except anthropic.APITimeoutError as error:
            raise http.timed_out(self.who, seconds) from error
        except anthropic.APIConnectionError as error:
            raise http.unreachable(self.who, error.__cause__) from error
        except ValueError as error:
            raise ProviderError(f"{self.who} sent events that are not a message: {error}.") from error
