"""Mistral's chat completions with streaming.

Follows https://docs.mistral.ai/api/endpoint/chat and the models of the SDK `mistralai` (mistralai/client/models:
completionchunk.py, deltamessage.py, thinkchunk.py, toolcall.py): whole tool calls, thoughts as chunks of content, usage
in the last chunk. Error bodies as the API has them (`object: error`, and 401 with `detail`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.providers.emulators.answers import Answer, Answering, Asked, echo, words
from tests.providers.emulators.emulator import Emulator

_FINISH = {"complete": "stop", "length": "length", "filtered": "error"}
_FOLLOWS = {
    "system": {"user"},
    "user": {"user", "assistant"},
    "assistant": {"user", "tool"},
    "tool": {"tool", "assistant"},
}


class MistralChat(Emulator):
    """:param answer: what the model says
    :param pace: seconds between two pieces
    """

    def __init__(self, answer: Answering = echo, *, key: str = "emulated-key", pace: float = 0.0) -> None:
        super().__init__(key=key)
        self._answer = answer
        self._pace = pace
        self.routes = [Route("/v1/chat/completions", self._complete, methods=["POST"])]

    @property
    def api_url(self) -> str:
        """The base URL for clients."""
        return self.url

    def refusal(self, status: int) -> Any:
        """Mistral's error body."""
        if status == 401:
            return {"detail": "Unauthorized"}
        kind = "rate_limited" if status == 429 else "internal_server_error"
        return {"object": "error", "message": f"emulated {status}", "type": kind, "param": None, "code": "1300"}

    async def _complete(self, request: Request) -> Response:
        seen = await self.note(request)
        if seen.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse(self.refusal(401), status_code=401)
        if (wrong := _wrong(seen.json["messages"])) is not None:
            error = {"object": "error", "message": wrong, "type": "invalid_request_message_order", "code": "3230"}
            return JSONResponse(error, status_code=400)
        return await self.answer(self._events(seen.json), media_type="text/event-stream")

    async def _events(self, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        messages = [(message["role"], message.get("content") or "") for message in body["messages"]]
        tools = [tool["function"]["name"] for tool in body.get("tools") or ()]
        asked = Asked(messages, tools, body)
        for number, chunk in enumerate(_chunks(asked, self._answer(asked))):
            # Letters of each chunk's own, so that its length tells nobody who listens to the line what is said.
            padded = {**chunk, "p": f"{number * 7919 % 2**20:020b}"}
            yield f"data: {json.dumps(padded)}\n\n".encode()
            await asyncio.sleep(self._pace)
        yield b"data: [DONE]\n\n"


def _wrong(messages: list[Mapping[str, Any]]) -> str | None:
    """What Mistral would complain about."""
    before = "system"
    for message in messages:
        role = message["role"]
        if role not in _FOLLOWS[before] and not (message is messages[0] and role == "system"):
            return f"Unexpected role '{role}' after role '{before}'"
        ids = [call["id"] for call in message.get("tool_calls") or ()] + [message.get("tool_call_id") or "a" * 9]
        if not all(re.fullmatch(r"[A-Za-z0-9]{9}", one) for one in ids):
            return f"Tool call id was {ids[0]} but must be a-z, A-Z, 0-9, with a length of 9."
        before = role
    return None if before in ("user", "tool") else "Expected last role User or Tool for serving but got assistant"


def _chunks(asked: Asked, answer: Answer) -> Iterator[dict[str, Any]]:
    def chunk(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        head = {"id": "emulated", "object": "chat.completion.chunk", "created": 1_760_000_000}
        return {**head, "model": asked.body["model"], "choices": [choice], **more}

    yield chunk({"role": "assistant", "content": ""})
    if answer.thoughts:
        thoughts = {"type": "thinking", "thinking": [{"type": "text", "text": answer.thoughts}]}
        yield chunk({"content": [thoughts]})
    for token in answer.tokens():
        yield chunk({"content": [{"type": "text", "text": token}] if answer.thoughts else token})
    calls = [
        {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}, "index": index}
        for index, call in enumerate(answer.calls)
    ]
    finish = "tool_calls" if calls and answer.finish == "complete" else _FINISH[answer.finish]
    yield chunk({"content": "", **({"tool_calls": calls} if calls else {})}, finish, usage=_usage(asked, answer))


def _usage(asked: Asked, answer: Answer) -> dict[str, Any]:
    prompt = sum(words(text) for _, text in asked.messages)
    completion = words(answer.text) + answer.reasoning
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": answer.cached},
    }
