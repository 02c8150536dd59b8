"""The model of chaos answers by what its context holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gateway.assistant.assistant import Assistant
from gateway.chaos.providers import EFFECT, CountingModel, counting_assistant, said
from gateway.chaos.tones import heard_number
from gateway.providers.base import ChatMessage, ChatRequest, ReplyEnd, ReplyPart, TextDelta, ToolCall
from gateway.providers.registry import Providers

GREETING = ChatMessage("assistant", said(0, 4))
ASKED = ChatMessage("user", "go on")
NOTED = ChatMessage("tool", "noted", tool_call_id="t")


async def answer(messages: Sequence[ChatMessage], said_already: str = "") -> list[ReplyPart]:
    return [part async for part in CountingModel(words=4).reply(ChatRequest(messages, said=said_already))]


async def test_a_turn_has_its_tool_call_and_then_its_passage() -> None:
    assert await answer([GREETING, ASKED]) == [ToolCall("turn-1", EFFECT, {"turn": 1}), ReplyEnd()]
    assert await answer([GREETING, ASKED, NOTED]) == [TextDelta("w4 w5 w6 w7"), ReplyEnd()]


async def test_a_turn_that_is_missing_in_the_context_changes_the_answer() -> None:
    assert await answer([GREETING, ASKED, NOTED, ASKED, NOTED]) == [TextDelta("w8 w9 w10 w11"), ReplyEnd()]


async def test_what_was_said_of_a_reply_is_not_said_again() -> None:
    assert await answer([GREETING, ASKED, NOTED], "w4 w5 ") == [TextDelta("w6 w7"), ReplyEnd()]


async def test_the_assistant_of_the_calls_is_made_of_them() -> None:
    assistant = Assistant.model_validate(counting_assistant(4, "http://127.0.0.1:1/effects"))
    stages = Providers().stages(assistant)
    parts = [part async for part in stages.model.reply(ChatRequest([ASKED, NOTED]))]
    assert isinstance(parts[0], TextDelta)
    chunks = [chunk async for chunk in stages.voice.speak("w3 please")]
    assert [word.text for chunk in chunks for word in chunk.words] == ["w3", "please"]
    assert heard_number(np.frombuffer(chunks[0].pcm[:320], np.int16)) == 3
