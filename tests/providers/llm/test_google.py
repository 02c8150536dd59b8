"""Google's SDK through our provider, against the emulated server."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderAuthentication, ProviderBadRequest, ProviderRateLimit
from gateway.providers.base import CallContext, ChatMessage, ChatRequest, ReplyEnd, ToolCall, ToolDefinition
from gateway.providers.credentials import Credential
from gateway.providers.llm.google import Options, make
from gateway.providers.usage import Usage
from tests.providers.emulators.answers import Answer, Asked, Called
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.gemini_generate import GeminiGenerate
from tests.providers.llm.replies import HELLO, calls, closing, first_text, parts, text

LOOKUP = ToolDefinition(
    "look up",
    "Looks up.",
    {"type": "object", "properties": {"number": {"type": ["integer", "null"]}}, "additionalProperties": False},
)


def model(emulator: GeminiGenerate, **options: Any) -> Any:
    credential = Credential(provider="google", api_key=SecretStr(emulator.key), api_url=emulator.api_url)
    return make(Options(**{"model": "gemini-2.5-flash", **options}), credential)


async def test_the_conversation_is_sent_in_contents_of_parts() -> None:
    call = ToolCall("a", "look up", {"number": 12})
    messages = [
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "My order"),
        ChatMessage("user", "is late."),
        ChatMessage("assistant", "One moment.", (call,)),
        ChatMessage("tool", "shipped", (), "a"),
    ]
    emulator = GeminiGenerate()
    async with running(emulator), closing(model(emulator, temperature=0, maxTokens=99)) as gemini:
        await parts(gemini, ChatRequest(messages, [LOOKUP]))
    [seen] = emulator.seen
    assert seen.path == "/v1/models/gemini-2.5-flash:streamGenerateContent"
    assert seen.json["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert seen.json["contents"] == [
        {"role": "user", "parts": [{"text": "My order"}, {"text": "is late."}]},
        {
            "role": "model",
            "parts": [
                {"text": "One moment."},
                {"functionCall": {"id": "a", "name": "look_up", "args": {"number": 12}}},
            ],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"id": "a", "name": "look_up", "response": {"result": "shipped"}}}],
        },
    ]
    generation = seen.json["generationConfig"]
    assert generation["temperature"] == 0
    assert generation["maxOutputTokens"] == 99
    assert generation["thinkingConfig"] == {"thinking_budget": 0}
    [declaration] = seen.json["tools"][0]["functionDeclarations"]
    assert declaration["parameters"]["properties"] == {"number": {"type": "INTEGER", "nullable": True}}


async def test_thoughts_are_not_spoken_and_their_signature_goes_back_with_the_call() -> None:
    def answer(asked: Asked) -> Answer:
        if len(asked.messages) > 1:
            return Answer("It is shipped.", thoughts="Shipped.")
        return Answer("", [Called("look_up", '{"number": 12}', "a")], thoughts="I look it up.")

    emulator = GeminiGenerate(answer)
    async with running(emulator), closing(model(emulator, model="gemini-3-flash-preview")) as gemini:
        received = await parts(gemini, ChatRequest(HELLO.messages, [LOOKUP]))
        assert received == [ToolCall("a", "look up", {"number": 12}), ReplyEnd()]
        answered = [ChatMessage("assistant", "", tuple(calls(received))), ChatMessage("tool", "shipped", (), "a")]
        assert text(await parts(gemini, ChatRequest([*HELLO.messages, *answered], [LOOKUP]))) == "It is shipped."
    assert emulator.seen[1].json["contents"][1]["parts"][0]["thoughtSignature"] == "c2lnbmVk"


async def test_calls_that_another_model_made_are_taken_unsigned() -> None:
    messages = [
        *HELLO.messages,
        ChatMessage("assistant", "", (ToolCall("a", "look up", {}), ToolCall("b", "look up", {}))),
        ChatMessage("tool", "shipped", (), "a"),
        ChatMessage("tool", "lost", (), "b"),
    ]
    emulator = GeminiGenerate()
    async with running(emulator), closing(model(emulator, model="gemini-3-flash-preview")) as gemini:
        assert (await parts(gemini, ChatRequest(messages, [LOOKUP])))[-1] == ReplyEnd()


async def test_tokens_are_counted_up_to_the_moment_of_a_cancellation() -> None:
    emulator = GeminiGenerate(lambda _: Answer("One two three.", cached=1, reasoning=5))
    used: list[Usage] = []
    request = ChatRequest(HELLO.messages, context=CallContext(meter=used.append))
    async with running(emulator), closing(model(emulator)) as gemini:
        await parts(gemini, request)
        async with aclosing(gemini.reply(request)) as reply:
            assert await first_text(reply) == "One"
    counts = [(usage.prompt_tokens, usage.cached_prompt_tokens, usage.completion_tokens) for usage in used]
    assert counts == [(2, 1, 8), (2, 1, 6)]


async def test_a_blocked_prompt_is_refused_with_its_reason() -> None:
    emulator = GeminiGenerate(block="PROHIBITED_CONTENT")
    async with running(emulator), closing(model(emulator)) as gemini:
        with pytest.raises(ProviderBadRequest, match="refuses to answer: prohibited content"):
            await parts(gemini)


async def test_a_wrong_key_is_told_as_one() -> None:
    emulator = GeminiGenerate()
    async with running(emulator):
        credential = Credential(provider="google", api_key=SecretStr("wrong"), api_url=emulator.api_url)
        async with closing(make(Options(model="gemini-2.5-flash"), credential)) as gemini:
            with pytest.raises(ProviderAuthentication, match="answered 400: API key not valid"):
                await parts(gemini)


async def test_when_to_come_again_is_read_from_the_body() -> None:
    emulator = GeminiGenerate()
    emulator.fault = Fault(Kind.RATE_LIMITED)
    async with running(emulator), closing(model(emulator)) as gemini:
        with pytest.raises(ProviderRateLimit) as raised:
            await parts(gemini)
    assert raised.value.retry_after == 23
