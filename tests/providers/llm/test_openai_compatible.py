"""The client of OpenAI-compatible servers against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.providers.base import ChatMessage, ChatRequest, ReplyEnd, ReplyPart, TextDelta, ToolCall, ToolDefinition
from gateway.providers.credentials import Credential
from gateway.providers.llm.openai_compatible import OpenAiCompatibleModel, Options

HELLO = ChatRequest([ChatMessage("user", "hello")])


@dataclass
class Server:
    """Answers every request with these lines, then waits for `hold` before it closes."""

    lines: list[str]
    status: int = 200
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(next(line for line in head.lower().splitlines() if line.startswith("content-length:")).split()[1])
        self.headers.append(head)
        self.requests.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {self.status} X\r\nConnection: close\r\n\r\n".encode())
        writer.write("".join(f"{line}\n\n" for line in self.lines).encode())
        await writer.drain()
        waiting = [asyncio.ensure_future(one) for one in (self.hold.wait(), reader.read())]
        _, left = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in left:
            one.cancel()
        self.gone.set()
        writer.close()


@asynccontextmanager
async def serving(lines: list[str], status: int = 200, *, hold: bool = False) -> AsyncIterator[Server]:
    server = Server(lines, status)
    if not hold:
        server.hold.set()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()


def model(server: Server, key: str = "", **options: Any) -> OpenAiCompatibleModel:
    credential = Credential(provider="custom-llm", api_key=SecretStr(key))
    return OpenAiCompatibleModel(Options(url=server.url, model="tiny", **options), credential)


async def parts(server: Server, request: ChatRequest = HELLO, **options: Any) -> list[ReplyPart]:
    return [part async for part in model(server, **options).reply(request)]


def event(delta: dict[str, Any], **more: Any) -> str:
    return "data: " + json.dumps({"choices": [{"delta": delta}], **more})


async def test_text_streams() -> None:
    lines = [
        ": comment",
        event({"role": "assistant"}),
        event({"content": "Hel"}),
        event({"content": "lo"}),
    ]
    async with serving([*lines, "data: [DONE]", "data: ignored"]) as server:
        assert await parts(server) == [
            TextDelta("Hel"),
            TextDelta("lo"),
            ReplyEnd(),
        ]


async def test_pieces_of_tool_calls_are_put_together() -> None:
    def piece(index: int, arguments: str, **first: str) -> str:
        function = {"arguments": arguments, **({"name": first["name"]} if first else {})}
        identity = {"id": first["id"]} if first else {}
        return event({"tool_calls": [{"index": index, "function": function, **identity}]})

    lines = [
        piece(0, "", id="a", name="lookup"),
        piece(0, '{"num'),
        piece(1, "", id="b", name="endCall"),
        piece(0, 'ber": 12}'),
        "data: [DONE]",
    ]
    async with serving(lines) as server:
        lookup, end = ToolCall("a", "lookup", {"number": 12}), ToolCall("b", "endCall", {})
        assert await parts(server) == [lookup, end, ReplyEnd()]


async def test_the_conversation_is_sent_in_openai_terms() -> None:
    call = ToolCall("a", "lookup", {"number": 12})
    messages = [ChatMessage("user", "hi"), ChatMessage("assistant", "", (call,)), ChatMessage("tool", "ok", (), "a")]
    tool = ToolDefinition("lookup", "Looks up.", {"type": "object"})
    async with serving(["data: [DONE]"]) as server:
        await parts(server, ChatRequest(messages, [tool]), key="secret", temperature=0.5)
    assert server.requests == [
        {
            "model": "tiny",
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {
                            "id": "a",
                            "type": "function",
                            "function": {"name": "lookup", "arguments": '{"number": 12}'},
                        }
                    ],
                },
                {"role": "tool", "content": "ok", "tool_call_id": "a"},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.5,
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "lookup", "description": "Looks up.", "parameters": {"type": "object"}},
                }
            ],
        }
    ]
    assert server.headers[0].startswith("POST /v1/chat/completions ")
    assert "authorization: bearer secret" in server.headers[0].lower()


async def test_without_a_key_none_is_sent() -> None:
    async with serving(["data: [DONE]"]) as server:
        await parts(server)
    assert "authorization" not in server.headers[0].lower()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, '{"error": {"message": "bad key"}}', ProviderAuthentication),
        (429, '{"error": {"message": "slow down"}}', ProviderRateLimit),
        (429, '{"error": {"code": "insufficient_quota", "message": "pay"}}', ProviderQuota),
        (400, '{"error": "no such model"}', ProviderBadRequest),
        (404, "plain text", ProviderBadRequest),
        (503, "", ProviderUnavailable),
    ],
)
async def test_a_refusal_is_told_by_its_status(status: int, body: str, error: type[ProviderError]) -> None:
    async with serving([body], status) as server:
        with pytest.raises(error, match=f"^The model answered {status}: ") as raised:
            await parts(server)
    assert type(raised.value) is error


@pytest.mark.parametrize(
    "line",
    [
        "data: {nonsense",
        event({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "[1"}}]}),
        event({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "[1]"}}]}),
        'data: {"error": {"message": "out of memory"}}',
    ],
)
async def test_nonsense_is_an_error(line: str) -> None:
    async with serving([line, "data: [DONE]"]) as server:
        with pytest.raises(ProviderError, match="The model "):
            await parts(server)


async def test_silence_is_a_timeout() -> None:
    async with serving([], hold=True) as server:
        with pytest.raises(ProviderTimeout, match=r"sent nothing for 0\.05 s"):
            await parts(server, timeout_seconds=0.05)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with serving([]) as server:
        pass
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await parts(server)


async def test_closing_the_reply_cancels_the_request() -> None:
    async with serving([event({"content": "Hel"})], hold=True) as server:
        async with aclosing(model(server).reply(HELLO)) as reply:
            assert await anext(reply) == TextDelta("Hel")
        await asyncio.wait_for(server.gone.wait(), 5)
