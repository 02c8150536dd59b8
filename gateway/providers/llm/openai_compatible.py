"""Any server that speaks OpenAI's chat completions with streaming: OpenAI, vLLM, llama.cpp, Ollama, LiteLLM.

Wire format: POST `{url}/chat/completions` with `stream: true`; the answer is server-sent events, each a JSON chunk
with a delta, ended by `[DONE]`. Pieces of a tool call come by index and are put together here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.providers.base import (
    ChatMessage,
    ChatRequest,
    LanguageModel,
    ReplyEnd,
    ReplyPart,
    TextDelta,
    ToolCall,
    ToolDefinition,
)
from gateway.providers.credentials import Credential

_STATUS_ERRORS: Mapping[int, type[ProviderError]] = {
    401: ProviderAuthentication,
    402: ProviderQuota,
    403: ProviderAuthentication,
    408: ProviderTimeout,
    429: ProviderRateLimit,
}


class Options(BaseModel):
    """`url` is the server's base, up to and with /v1. `timeout_seconds` bounds the wait for the next piece."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    url: str = Field(default="https://api.openai.com/v1", pattern="^https?://")
    model: str
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1, le=100_000)
    timeout_seconds: float = Field(default=10, gt=0, le=120)


def make(options: Options, credential: Credential) -> LanguageModel:
    """The model of a server. The key goes along where there is one."""
    return OpenAiCompatibleModel(options, credential)


class OpenAiCompatibleModel:
    """A server's model; the connection pool is shared by all calls."""

    def __init__(self, options: Options, credential: Credential) -> None:
        self._options = options
        self._credential = credential
        self._client = httpx.AsyncClient(base_url=options.url.rstrip("/"), timeout=options.timeout_seconds)

    async def reply(self, request: ChatRequest) -> AsyncGenerator[ReplyPart, None]:
        """Stream the reply. Tool calls follow the text, whole.

        :raises ProviderError: by the server's status, its silence, or what it sends
        """
        calls: dict[int, _PartialCall] = {}
        async with aclosing(self._chunks(request)) as chunks:
            async for chunk in chunks:
                for choice in chunk.get("choices") or ():
                    delta = choice.get("delta") or {}
                    if delta.get("content"):
                        yield TextDelta(delta["content"])
                    for piece in delta.get("tool_calls") or ():
                        calls.setdefault(piece.get("index", len(calls)), _PartialCall()).add(piece)
        for _, call in sorted(calls.items()):
            yield call.complete()
        yield ReplyEnd()

    async def _chunks(self, request: ChatRequest) -> AsyncGenerator[Mapping[str, Any], None]:
        key = self._credential.key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            body = self._body(request)
            async with self._client.stream("POST", "chat/completions", json=body, headers=headers) as response:
                if response.status_code != httpx.codes.OK:
                    raise _refusal(response.status_code, await response.aread())
                async for chunk in _events(response.aiter_lines()):
                    yield chunk
        except httpx.TimeoutException as error:
            seconds = self._options.timeout_seconds
            raise ProviderTimeout(f"The model at {self._options.url} sent nothing for {seconds:g} s.") from error
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"The model at {self._options.url} cannot be reached: {error}.") from error

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._options.model,
            "messages": [_message(message) for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": self._options.temperature,
            "max_tokens": self._options.max_tokens,
            "tools": [_tool(tool) for tool in request.tools] or None,
        }
        return {name: value for name, value in body.items() if value is not None}


@dataclass(slots=True)
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def add(self, piece: Mapping[str, Any]) -> None:
        """The next piece; id and name come with the first."""
        function = piece.get("function") or {}
        self.id = piece.get("id") or self.id
        self.name = function.get("name") or self.name
        self.arguments.append(function.get("arguments") or "")

    def complete(self) -> ToolCall:
        """The call with its arguments parsed."""
        text = "".join(self.arguments) or "{}"
        try:
            arguments = json.loads(text)
        except ValueError as error:
            raise ProviderError(f"The model called {self.name} with arguments that are not JSON: {text:.80}") from error
        if not isinstance(arguments, dict):
            raise ProviderError(f"The model called {self.name} with arguments that are no object: {text:.80}")
        return ToolCall(self.id, self.name, arguments)


async def _events(lines: AsyncIterator[str]) -> AsyncGenerator[Mapping[str, Any], None]:
    """JSON of each server-sent event up to `[DONE]`; comments and other fields are skipped."""
    async for line in lines:
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        try:
            event = json.loads(data)
        except ValueError as error:
            raise ProviderError(f"The model sent an event that is not JSON: {data:.80}") from error
        if "error" in event:
            raise ProviderUnavailable(f"The model broke off: {_complaint(event)}.")
        yield event


def _refusal(status: int, body: bytes) -> ProviderError:
    try:
        content = json.loads(body)
    except ValueError:
        content = {"error": {"message": body.decode(errors="replace")[:200]}}
    kind = _STATUS_ERRORS.get(status) or (ProviderUnavailable if status >= 500 else ProviderBadRequest)
    if "insufficient_quota" in str(content):
        kind = ProviderQuota
    return kind(f"The model answered {status}: {_complaint(content)}.")


def _complaint(content: Any) -> str:
    error = content.get("error") if isinstance(content, dict) else content
    message = error.get("message") if isinstance(error, dict) else error
    return str(message or "no reason given").rstrip(".")


def _message(message: ChatMessage) -> dict[str, Any]:
    result: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        result["tool_calls"] = _calls(message.tool_calls)
    if message.tool_call_id is not None:
        result["tool_call_id"] = message.tool_call_id
    return result


def _calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
        }
        for call in calls
    ]


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}
