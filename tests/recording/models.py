"""A model that shows what it was told."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.providers.base import ChatRequest, ReplyEnd, ReplyPart, TextDelta


class LastMessage:
    """Says the last message of the conversation, whoever it is from."""

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        yield TextDelta(request.messages[-1].content)
        yield ReplyEnd()
