"""Anthropic's messages with streaming.

Follows https://platform.claude.com/docs/en/build-with-claude/streaming (order and form of the events),
https://platform.claude.com/docs/en/api/errors (error bodies) and the types of the `anthropic` SDK
(anthropic/types/raw_message_stream_event.py, message_param.py).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.providers.emulators.answers import Answer, Answering, Asked, Called, echo, words
from tests.providers.emulators.emulator import Emulator

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    500: "api_error",
}
_FINISH = {"complete": "end_turn", "length": "max_tokens", "filtered": "refusal"}


class AnthropicMessages(Emulator):
    """:param answer: what the model says
    :param pace: seconds between two pieces
    :param overloaded_after: events after which the stream ends with an overloaded_error, None for never
    """

    def __init__(
        self,
        answer: Answering = echo,
        *,
        key: str = "emulated-key",
        pace: float = 0.0,
        overloaded_after: int | None = None,
    ) -> None:
        super().__init__(key=key)
        self._answer = answer
        self._pace = pace
        self._overloaded_after = overloaded_after
        self.routes = [Route("/v1/messages", self._create, methods=["POST"])]

    @property
    def api_url(self) -> str:
        """The base URL for clients."""
        return self.url

    def refusal(self, status: int) -> Any:
        """Anthropic's error body."""
        return _error(_ERRORS.get(status, "api_error"), f"emulated {status}")

    async def _create(self, request: Request) -> Response:
        seen = await self.note(request)
        if seen.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse(_error("authentication_error", "invalid API key"), status_code=401)
        if "anthropic-version" not in seen.headers:
            return JSONResponse(_error("invalid_request_error", "anthropic-version is missing"), status_code=400)
        if (wrong := _wrong(seen.json)) is not None:
            return JSONResponse(_error("invalid_request_error", wrong), status_code=400)
        return await self.answer(self._events(seen.json), media_type="text/event-stream")

    async def _events(self, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        asked = _asked(body)
        for sent, event in enumerate(_events(asked, self._answer(asked))):
            if sent == self._overloaded_after:
                yield _sse(_error("overloaded_error", "Overloaded"))
                return
            yield _sse(event)
            await asyncio.sleep(self._pace)


def _sse(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_emulated"}


def _wrong(body: Mapping[str, Any]) -> str | None:
    """What Anthropic would complain about."""
    if "max_tokens" not in body:
        return "max_tokens: Field required"
    messages = body["messages"]
    if not messages or messages[0]["role"] != "user":
        return "messages: first message must use the user role"
    if messages[-1]["role"] == "assistant":
        return "This model does not support assistant message prefill."
    asked: set[str] = set()
    for index, message in enumerate(messages):
        blocks = message["content"]
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return f"messages.{index}: text content blocks must be non-empty"
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if answered != asked:
            return f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after"
        asked = {block["id"] for block in blocks if block["type"] == "tool_use"}
        thinks = (body.get("thinking") or {}).get("type") == "enabled"
        if thinks and asked and blocks[0]["type"] not in ("thinking", "redacted_thinking"):
            return f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."
    if body["model"].startswith(("claude-opus-4-8", "claude-sonnet-5")) and "temperature" in body:
        return "temperature: not supported for this model"
    return None


def _asked(body: Mapping[str, Any]) -> Asked:
    system = [("system", block["text"]) for block in body.get("system", ())]
    messages = [
        (message["role"], " ".join(block.get("text") or str(block.get("content", "")) for block in message["content"]))
        for message in body["messages"]
    ]
    return Asked([*system, *messages], [tool["name"] for tool in body.get("tools", ())], body)


def _events(asked: Asked, answer: Answer) -> Iterator[dict[str, Any]]:
    message = {"id": "msg_emulated", "type": "message", "role": "assistant", "model": asked.body["model"]}
    stop: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None}
    yield {"type": "message_start", "message": {**message, **stop, "usage": _usage(asked, answer)}}
    index = 0
    if answer.thoughts:
        yield from _thinking(answer.thoughts)
        index += 1
    if answer.text:
        block = {"type": "text", "text": ""}
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "ping"}
        for token in answer.tokens():
            yield _delta(index, {"type": "text_delta", "text": token})
        yield {"type": "content_block_stop", "index": index}
        index += 1
    yield from _uses(answer.calls, index)
    reason = "tool_use" if answer.calls and answer.finish == "complete" else _FINISH[answer.finish]
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": words(answer.text) + answer.reasoning},
    }
    yield {"type": "message_stop"}


def _thinking(thoughts: str) -> Iterator[dict[str, Any]]:
    block = {"type": "thinking", "thinking": "", "signature": ""}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    for thought in thoughts.split():
        yield _delta(0, {"type": "thinking_delta", "thinking": f"{thought} "})
    yield _delta(0, {"type": "signature_delta", "signature": "signed"})
    yield {"type": "content_block_stop", "index": 0}


def _uses(calls: Sequence[Called], first: int) -> Iterator[dict[str, Any]]:
    for index, call in enumerate(calls, first):
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        yield {"type": "content_block_start", "index": index, "content_block": block}
        middle = len(call.arguments) // 2
        for part in ("", call.arguments[:middle], call.arguments[middle:]):
            yield _delta(index, {"type": "input_json_delta", "partial_json": part})
        yield {"type": "content_block_stop", "index": index}


def _delta(index: int, delta: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _usage(asked: Asked, answer: Answer) -> dict[str, Any]:
    return {
        "input_tokens": sum(words(text) for _, text in asked.messages) - answer.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.cached,
        "output_tokens": 1,
    }
