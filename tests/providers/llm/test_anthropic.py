"""The Anthropic SDK through our provider, against the emulated server."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderUnavailable
from gateway.providers.base import CallContext, ChatMessage, ChatRequest, ReplyEnd, ToolCall, ToolDefinition
from gateway.providers.credentials import Credential
from gateway.providers.llm.anthropic import Options, make
from gateway.providers.usage import Usage
from tests.providers.emulators.answers import Answer, Asked, Called
from tests.providers.emulators.anthropic_messages import AnthropicMessages
from tests.providers.emulators.emulator import running
from tests.providers.llm.replies import HELLO, calls, closing, first_text, parts, text

LOOKUP = ToolDefinition("look up", "Looks up.", {"properties": {"number": {"type": "integer"}}})
CACHED = {"type": "ephemeral"}
THINKING = {"type": "enabled", "budgetTokens": 1024}


def model(emulator: AnthropicMessages, **options: Any) -> Any:
    secret = SecretStr(emulator.key)
    credential = Credential(provider="anthropic", api_key=secret, api_url=emulator.api_url)
    return make(Options(**{"model": "claude-haiku-4-5", **options}), credential)


async def test_the_conversation_is_sent_in_blocks() -> None:
    call = ToolCall("a", "look up", {"number": 12})
    messages = [
        ChatMessage("system", "Be brief."),
        ChatMessage("assistant", "Hello!"),
        ChatMessage("user", "My order"),
        ChatMessage("user", "is late."),
        ChatMessage("assistant", "", (call,)),
        ChatMessage("tool", "shipped", (), "a"),
    ]
    emulator = AnthropicMessages()
    async with running(emulator), closing(model(emulator, temperature=0)) as claude:
        await parts(claude, ChatRequest(messages, [LOOKUP]))
    [seen] = emulator.seen
    assert seen.json == {
        "model": "claude-haiku-4-5",
        "max_tokens": 2048,
        "temperature": 0,
        "stream": True,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": CACHED}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "(The call begins.)"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]},
            {"role": "user", "content": [{"type": "text", "text": "My order"}, {"type": "text", "text": "is late."}]},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "a", "name": "look_up", "input": {"number": 12}}],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "shipped"}]},
        ],
        "tools": [
            {
                "name": "look_up",
                "description": "Looks up.",
                "input_schema": {"type": "object", "properties": {"number": {"type": "integer"}}},
                "cache_control": CACHED,
            }
        ],
    }


async def test_input_json_becomes_a_call_of_the_tool_by_its_own_name() -> None:
    emulator = AnthropicMessages(lambda _: Answer("One moment.", [Called("look_up", '{"number": 12}', "a")]))
    async with running(emulator), closing(model(emulator)) as claude:
        received = await parts(claude, ChatRequest(HELLO.messages, [LOOKUP]))
    assert text(received) == "One moment."
    assert received[-2:] == [ToolCall("a", "look up", {"number": 12}), ReplyEnd()]


async def test_thoughts_are_not_spoken_and_go_back_with_the_result_of_their_tool() -> None:
    def answer(asked: Asked) -> Answer:
        if len(asked.messages) > 1:
            return Answer("It is shipped.", thoughts="Shipped.")
        return Answer("", [Called("look_up", id="a")], thoughts="I look it up.")

    emulator = AnthropicMessages(answer)
    async with running(emulator), closing(model(emulator, thinking=THINKING)) as claude:
        call = calls(await parts(claude, ChatRequest(HELLO.messages, [LOOKUP])))[0]
        messages = [*HELLO.messages, ChatMessage("assistant", "", (call,)), ChatMessage("tool", "shipped", (), "a")]
        assert text(await parts(claude, ChatRequest(messages, [LOOKUP]))) == "It is shipped."
    first, second = (seen.json for seen in emulator.seen)
    assert first["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert first["max_tokens"] == 2048 + 1024
    sent_back = {"type": "thinking", "thinking": "I look it up. ", "signature": "signed"}
    assert second["messages"][1]["content"][0] == sent_back


@pytest.mark.parametrize(
    ("name", "options", "fields"),
    [
        ("claude-3-haiku-20240307", {"temperature": 1.4}, {"temperature": 1.0}),
        ("claude-sonnet-4-20250514", {"temperature": 0.4}, {"temperature": 0.4}),
        ("claude-opus-4-8", {"temperature": 0.4}, {}),
        ("claude-sonnet-5", {}, {"thinking": {"type": "disabled"}}),
        ("claude-haiku-5-5", {}, {"thinking": {"type": "disabled"}}),
        ("claude-sonnet-5-5", {}, {"thinking": {"type": "between_tools"}}),
        ("claude-opus-5-5", {}, {"output_config": {"effort": "low"}}),
        ("claude-fable-5", {}, {"output_config": {"effort": "low"}}),
        ("claude-sonnet-5", {"thinking": THINKING}, {"thinking": {"type": "adaptive"}}),
    ],
)
async def test_a_model_thinks_as_little_as_it_can(name: str, options: dict[str, Any], fields: dict[str, Any]) -> None:
    emulator = AnthropicMessages()
    async with running(emulator), closing(model(emulator, model=name, **options)) as claude:
        await parts(claude)
    asked = emulator.seen[0].json
    assert {key: asked[key] for key in ("temperature", "thinking", "output_config") if key in asked} == fields


async def test_cached_tokens_are_part_of_the_prompt() -> None:
    emulator = AnthropicMessages(lambda _: Answer("One two three.", cached=1))
    used: list[Usage] = []
    request = ChatRequest(HELLO.messages, context=CallContext(meter=used.append))
    async with running(emulator), closing(model(emulator)) as claude:
        await parts(claude, request)
        async with aclosing(claude.reply(request)) as reply:
            assert await first_text(reply) == "One"
    whole, cancelled = used
    assert whole == Usage(
        "model", "anthropic", "claude-haiku-4-5", prompt_tokens=2, cached_prompt_tokens=1, completion_tokens=3
    )
    assert (cancelled.prompt_tokens, cancelled.cached_prompt_tokens) == (2, 1)


async def test_an_error_in_the_stream_is_one_that_may_pass() -> None:
    emulator = AnthropicMessages(lambda _: Answer("One two three four."), overloaded_after=4)
    async with running(emulator), closing(model(emulator)) as claude:
        with pytest.raises(
            ProviderUnavailable, match=r"^The model claude-haiku-4-5 of anthropic broke off: Overloaded"
        ):
            await parts(claude)
