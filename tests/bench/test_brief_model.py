from __future__ import annotations

from bench.brief_model import BriefModel
from gateway.providers.base import ChatMessage, ChatRequest, ReplyEnd, TextDelta


async def test_every_turn_gets_the_reply_and_says_what_it_waits_for() -> None:
    model = BriefModel(reply="Okay.", expects="digits:4")
    for text in ("one two three four", "hello"):
        request = ChatRequest([ChatMessage("user", text)])
        assert [part async for part in model.reply(request)] == [TextDelta("Okay."), ReplyEnd(expects="digits:4")]
