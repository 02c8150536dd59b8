"""Mistral's SDK through our provider, against the emulated server."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from gateway.providers.base import CallContext, ChatMessage, ChatRequest, ReplyEnd, TextDelta, ToolCall, ToolDefinition
from gateway.providers.credentials import Credential
from gateway.providers.llm.mistral import Options, make
from gateway.providers.usage import Usage
from tests.providers.emulators.answers import Answer, Called
from tests.providers.emulators.emulator import running
from tests.providers.emulators.mistral_chat import MistralChat
from tests.providers.llm.replies import HELLO, closing, parts

LOOKUP = ToolDefinition("look up", "Looks up.", {"type": "object"})


def model(emulator: MistralChat, **options: Any) -> Any:
    credential = Credential(provider="mistral", api_key=SecretStr(emulator.key), api_url=emulator.api_url)
    return make(Options(**{"model": "mistral-small-latest", **options}), credential)


async def test_the_conversation_is_sent_in_the_order_that_mistral_wants() -> None:
    messages = [
        ChatMessage("system", "Be brief."),
        ChatMessage("assistant", "Hello!"),
        ChatMessage("user", "My order"),
        ChatMessage("user", "is late."),
        ChatMessage("assistant", "", (ToolCall("call_of_another_model", "look up", {"number": 12}),)),
        ChatMessage("tool", "shipped", (), "call_of_another_model"),
        ChatMessage("user", "Wait."),
    ]
    emulator = MistralChat()
    async with running(emulator), closing(model(emulator, temperature=0, maxTokens=99)) as mistral:
        assert (await parts(mistral, ChatRequest(messages, [LOOKUP])))[-1] == ReplyEnd()
    sent = emulator.seen[0].json
    assert [(message["role"], message["content"]) for message in sent["messages"]] == [
        ("system", "Be brief."),
        ("user", "(The call begins.)"),
        ("assistant", "Hello!"),
        ("user", "My order\nis late."),
        ("assistant", ""),
        ("tool", "shipped"),
        ("assistant", "(The caller interrupts.)"),
        ("user", "Wait."),
    ]
    [call] = sent["messages"][4]["tool_calls"]
    assert call["id"] == sent["messages"][5]["tool_call_id"]
    assert call["function"] == {"name": "look_up", "arguments": '{"number": 12}'}
    assert (sent["temperature"], sent["max_tokens"]) == (0, 99)


async def test_whole_tool_calls_are_taken() -> None:
    called = [Called("look_up", '{"number": 12}', "abcdefghi"), Called("endCall", "{}", "123456789")]
    emulator = MistralChat(lambda _: Answer("", called))
    async with running(emulator), closing(model(emulator)) as mistral:
        received = await parts(mistral, ChatRequest(HELLO.messages, [LOOKUP]))
    expected = [ToolCall("abcdefghi", "look up", {"number": 12}), ToolCall("123456789", "endCall", {}), ReplyEnd()]
    assert received == expected


async def test_thoughts_are_not_spoken() -> None:
    emulator = MistralChat(lambda _: Answer("Yes.", thoughts="The caller wants to know."))
    async with running(emulator), closing(model(emulator)) as mistral:
        assert await parts(mistral) == [TextDelta("Yes."), ReplyEnd()]


async def test_tokens_are_counted_as_the_server_does() -> None:
    emulator = MistralChat(lambda _: Answer("One two three.", cached=1, reasoning=5))
    used: list[Usage] = []
    async with running(emulator), closing(model(emulator)) as mistral:
        await parts(mistral, ChatRequest(HELLO.messages, context=CallContext(meter=used.append)))
    name = "mistral-small-latest"
    assert used == [
        Usage("model", "mistral", name, prompt_tokens=2, cached_prompt_tokens=1, completion_tokens=8),
    ]
