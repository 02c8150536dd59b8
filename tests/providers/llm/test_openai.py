"""The OpenAI SDK through our provider, against the emulated server."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import ConfigError, ProviderAuthentication
from gateway.providers.base import CallContext, ChatMessage, ChatRequest, ReplyEnd, TextDelta, ToolCall, ToolDefinition
from gateway.providers.credentials import Credential
from gateway.providers.llm.openai import Options, make
from gateway.providers.usage import Usage
from tests.providers.emulators.answers import Answer, Called
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_chat import OpenAiChat
from tests.providers.llm.replies import HELLO, closing, parts, text


def model(emulator: OpenAiChat, *, key: str | None = None, provider: str = "openai", **options: Any) -> Any:
    secret = SecretStr(emulator.key if key is None else key)
    credential = Credential(provider=provider, api_key=secret, api_url=emulator.api_url)
    return make(Options(**{"model": "gpt-4o-mini", **options}), credential)


async def test_the_conversation_is_sent_in_openai_terms() -> None:
    call = ToolCall("a", "lookup", {"number": 12})
    messages = [ChatMessage("user", "hi"), ChatMessage("assistant", "", (call,)), ChatMessage("tool", "ok", (), "a")]
    tool = ToolDefinition("lookup", "Looks up.", {"type": "object"})
    emulator = OpenAiChat()
    async with running(emulator), closing(model(emulator, temperature=0.5, maxTokens=99)) as openai:
        await parts(openai, ChatRequest(messages, [tool]))
    [seen] = emulator.seen
    assert seen.json == {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "lookup", "arguments": '{"number": 12}'}}
                ],
            },
            {"role": "tool", "content": "ok", "tool_call_id": "a"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "max_tokens": 99,
        "tools": [
            {
                "type": "function",
                "function": {"name": "lookup", "description": "Looks up.", "parameters": {"type": "object"}},
            }
        ],
    }


async def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-of-openai")
    monkeypatch.setenv("OPENAI_ORG_ID", "organisation-of-openai")
    emulator = OpenAiChat(key="")
    async with running(emulator), closing(model(emulator, provider="ollama")) as ollama:
        assert (await parts(ollama))[-1] == ReplyEnd()
    assert "of-openai" not in str(emulator.seen)
    assert "authorization" not in emulator.seen[0].headers


async def test_a_wrong_key_is_named_without_the_key() -> None:
    emulator = OpenAiChat()
    async with running(emulator), closing(model(emulator, key="sk-wrong")) as openai:
        with pytest.raises(ProviderAuthentication, match=r"^The model gpt-4o-mini of openai answered 401: ") as raised:
            await parts(openai)
    assert "sk-wrong" not in str(raised.value)


async def test_thoughts_are_not_spoken() -> None:
    emulator = OpenAiChat(lambda _: Answer("Yes.", thoughts="The caller wants to know."))
    async with running(emulator), closing(model(emulator)) as openai:
        assert await parts(openai) == [TextDelta("Yes."), ReplyEnd()]


async def test_tokens_are_counted_as_the_server_does() -> None:
    emulator = OpenAiChat(lambda _: Answer("One two three.", cached=1, reasoning=7))
    used: list[Usage] = []
    request = ChatRequest(HELLO.messages, context=CallContext(meter=used.append))
    async with running(emulator), closing(model(emulator)) as openai:
        await parts(openai, request)
    expected = Usage("model", "openai", "gpt-4o-mini", prompt_tokens=2, cached_prompt_tokens=1, completion_tokens=10)
    assert used == [expected]


async def test_a_cancelled_reply_is_counted_by_what_earlier_ones_taught() -> None:
    emulator = OpenAiChat(lambda _: Answer("four four four four"))
    used: list[Usage] = []
    request = ChatRequest([ChatMessage("user", "word " * 8)], context=CallContext(meter=used.append))
    async with running(emulator), closing(model(emulator)) as openai:
        await parts(openai, request)
        async with aclosing(openai.reply(request)) as reply:
            assert await anext(reply) == TextDelta("four")
    whole, cancelled = used
    assert (whole.prompt_tokens, whole.completion_tokens) == (8, 4)
    assert (cancelled.prompt_tokens, cancelled.completion_tokens) == (8, 1)


@pytest.mark.parametrize(
    ("name", "options", "sent"),
    [
        ("gpt-4o", {"maxTokens": 99, "temperature": 0.3}, {"max_tokens": 99, "temperature": 0.3}),
        (
            "gpt-5-mini",
            {"maxTokens": 99, "temperature": 0.3},
            {"max_completion_tokens": 99, "reasoning_effort": "minimal"},
        ),
        ("gpt-5.2", {"temperature": 0.3}, {"temperature": 0.3, "reasoning_effort": "none"}),
        ("gpt-5.2", {"temperature": 0.3, "reasoningEffort": "high"}, {"reasoning_effort": "high"}),
        ("o3-mini", {"maxTokens": 99}, {"max_completion_tokens": 99, "reasoning_effort": "low"}),
        ("openai/gpt-5", {}, {"reasoning_effort": "minimal"}),
        ("gpt-5-chat-latest", {"maxTokens": 99, "temperature": 1}, {"max_completion_tokens": 99, "temperature": 1}),
        ("gpt-oss-20b", {"reasoningEffort": "low", "maxTokens": 99}, {"reasoning_effort": "low", "max_tokens": 99}),
    ],
)
async def test_models_that_think_are_asked_in_their_way(
    name: str, options: dict[str, Any], sent: dict[str, Any]
) -> None:
    emulator = OpenAiChat()
    async with running(emulator), closing(model(emulator, model=name, **options)) as openai:
        assert (await parts(openai))[-1] == ReplyEnd()
    asked = emulator.seen[0].json
    dependent = ("temperature", "max_tokens", "max_completion_tokens", "reasoning_effort")
    assert {name: asked[name] for name in dependent if name in asked} == sent


async def test_pieces_of_tool_calls_are_put_together() -> None:
    calls = [Called("lookup", '{"number": 12}', "a"), Called("endCall", "", "b")]
    emulator = OpenAiChat(lambda _: Answer("One moment.", calls))
    async with running(emulator), closing(model(emulator)) as openai:
        received = await parts(openai)
    assert received[-3:] == [ToolCall("a", "lookup", {"number": 12}), ToolCall("b", "endCall", {}), ReplyEnd()]


async def test_one_connection_serves_prepare_and_several_turns() -> None:
    emulator = OpenAiChat()
    async with running(emulator), closing(model(emulator)) as openai:
        await openai.prepare()
        for _ in range(3):
            await parts(openai)
        pool = openai._wire._pool._transport._pool
        assert len(pool.connections) == 1


async def test_thoughts_within_the_text_are_not_spoken() -> None:
    emulator = OpenAiChat(lambda _: Answer("<think>The caller wants to know.</think> Yes."))
    async with running(emulator), closing(model(emulator)) as openai:
        assert text(await parts(openai)) == "Yes."


async def test_a_model_that_insists_on_turns_gets_them() -> None:
    messages = [ChatMessage("system", "Be brief."), ChatMessage("assistant", "Hello!"), ChatMessage("user", "Hi")]
    emulator = OpenAiChat()
    async with running(emulator), closing(model(emulator, strictTurns=True)) as openai:
        await parts(openai, ChatRequest(messages))
    assert [message["role"] for message in emulator.seen[0].json["messages"]] == ["system", "user", "assistant", "user"]


async def test_a_key_that_the_host_repeats_is_not_told() -> None:
    class Telltale(OpenAiChat):
        def refusal(self, status: int) -> Any:
            return {"error": {"message": "There is no key sk-wrong."}}

    emulator = Telltale()
    async with running(emulator), closing(model(emulator, key="sk-wrong")) as openai:
        with pytest.raises(ProviderAuthentication, match=r"There is no key \*\*\*"):
            await parts(openai)


def test_an_assistant_cannot_send_the_key_elsewhere() -> None:
    credential = Credential(provider="groq", api_key=SecretStr("k"))
    with pytest.raises(ConfigError, match='provider "groq" takes no url: another address is the apiUrl'):
        make(Options(model="m", url="https://elsewhere.example/v1"), credential)


async def test_a_server_without_a_key_may_be_anywhere() -> None:
    emulator = OpenAiChat(key="")
    async with running(emulator):
        options = Options(model="m", url=emulator.api_url)
        async with closing(make(options, Credential(provider="vllm"))) as vllm:
            assert text(await parts(vllm)) == "You said: hello there"
