"""A language model for benchmarks: next to no time, next to nothing said, and it knows what it waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.providers.base import ChatRequest, ReplyEnd, ReplyPart, TextDelta


class BriefModel:
    """Answers every turn with `reply` and says that it `expects` this kind of answer, as in `TranscriptHint`."""

    def __init__(self, *, reply: str, expects: str) -> None:
        self._reply = reply
        self._expects = expects

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        """The reply, at once."""
        yield TextDelta(self._reply)
        yield ReplyEnd(expects=self._expects)
