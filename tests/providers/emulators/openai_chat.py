"""OpenAI's chat completions with streaming.

Follows https://platform.openai.com/docs/api-reference/chat-streaming and the types of the `openai` SDK
(openai/types/chat/chat_completion_chunk.py, openai/types/completion_usage.py); error bodies as in
https://platform.openai.com/docs/guides/error-codes. Hosts that speak the same are emulated by their base path.
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

_FINISH = {"complete": "stop", "length": "length", "filtered": "content_filter"}
_ERRORS = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: emul****-key."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests. Please try again in 1s."),
    500: ("server_error", None, "The server had an error while processing your request."),
}


class OpenAiChat(Emulator):
    """:param answer: what the model says
    :param path: of the base URL
    :param pace: seconds between two pieces
    :param first: seconds before the first
    :param obfuscates: gives each chunk letters of its own, as OpenAI does and other hosts do not
    """

    def __init__(
        self,
        answer: Answering = echo,
        *,
        key: str = "emulated-key",
        path: str = "/v1",
        pace: float = 0.0,
        first: float = 0.0,
        obfuscates: bool = True,
    ) -> None:
        super().__init__(key=key)
        self._answer = answer
        self._path = path
        self._pace = pace
        self._first = first
        self._obfuscates = obfuscates
        self.routes = [Route(f"{path}/chat/completions", self._complete, methods=["POST"])]

    @property
    def api_url(self) -> str:
        """The base URL for clients."""
        return f"{self.url}{self._path}"

    def refusal(self, status: int) -> Any:
        """OpenAI's error body."""
        kind, code, message = _ERRORS.get(status, ("invalid_request_error", None, f"emulated {status}"))
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    async def _complete(self, request: Request) -> Response:
        seen = await self.note(request)
        if self.key and seen.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse(self.refusal(401), status_code=401)
        if (wrong := _wrong(seen.json)) is not None:
            error = {"message": wrong, "type": "invalid_request_error", "param": None, "code": None}
            return JSONResponse({"error": error}, status_code=400)
        return await self.answer(self._events(seen.json), media_type="text/event-stream")

    async def _events(self, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        asked = _asked(body)
        await asyncio.sleep(self._first)
        for number, chunk in enumerate(_chunks(asked, self._answer(asked), body["model"])):
            if self._obfuscates:
                chunk["obfuscation"] = f"{number * 7919 % 2**20:020b}"
            yield f"data: {json.dumps(chunk)}\n\n".encode()
            await asyncio.sleep(self._pace)
        yield b"data: [DONE]\n\n"


def _wrong(body: Mapping[str, Any]) -> str | None:
    """What OpenAI would complain about."""
    if not body.get("model"):
        return "you must provide a model parameter"
    if body["model"].startswith(("o3", "gpt-5")):
        if "max_tokens" in body:
            return "Unsupported parameter: 'max_tokens' is not supported with this model."
        if "temperature" in body and body.get("reasoning_effort") != "none" and "chat" not in body["model"]:
            return "Unsupported value: 'temperature' does not support this value with this model."
    open_calls: set[str] = set()
    for message in body["messages"]:
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_calls:
                return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
            open_calls.discard(message["tool_call_id"])
        elif open_calls:
            return "An assistant message with 'tool_calls' must be followed by tool messages."
        open_calls |= {call["id"] for call in message.get("tool_calls", ())}
    return None


def _asked(body: Mapping[str, Any]) -> Asked:
    messages = [(message["role"], message.get("content") or "") for message in body["messages"]]
    return Asked(messages, [tool["function"]["name"] for tool in body.get("tools", ())], body)


def _chunks(asked: Asked, answer: Answer, model: str) -> Iterator[dict[str, Any]]:
    head = {"id": "chatcmpl-emulated", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": model}

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for thought in answer.thoughts.split():
        # As vLLM and DeepSeek show it; OpenAI itself keeps it.
        yield chunk({"reasoning_content": f"{thought} "})
    for token in answer.tokens():
        yield chunk({"content": token})
    for delta in _call_deltas(answer.calls):
        yield chunk({"tool_calls": [delta]})
    finish = "tool_calls" if answer.calls and answer.finish == "complete" else _FINISH[answer.finish]
    yield chunk({}, finish)
    if (asked.body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _usage(asked, answer)}


def _call_deltas(calls: Sequence[Called]) -> Iterator[dict[str, Any]]:
    for index, call in enumerate(calls):
        yield {
            "index": index,
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        middle = len(call.arguments) // 2
        for part in (call.arguments[:middle], call.arguments[middle:]):
            yield {"index": index, "function": {"arguments": part}}


def _usage(asked: Asked, answer: Answer) -> dict[str, Any]:
    prompt = sum(words(text) for _, text in asked.messages)
    completion = words(answer.text) + answer.reasoning
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": answer.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": answer.reasoning, "audio_tokens": 0},
    }
