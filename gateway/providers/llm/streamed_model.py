"""A language model on a server, of any provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from gateway.errors import ProviderBadRequest, ProviderUnavailable
from gateway.providers.base import ChatRequest, ReplyEnd, ReplyPart, TextDelta
from gateway.providers.llm.continuation import Continuation, asked_to_go_on
from gateway.providers.llm.thoughts import ThoughtFilter
from gateway.providers.llm.tokens import TokenCounter
from gateway.providers.llm.tool_calls import ToolCallDeltas
from gateway.providers.llm.wire import Finish, ModelWire, Tokens, ToolCallDelta

_LONGEST_CHARACTERS = 20_000
"""Some twenty minutes of speech: a model that says more has lost its way."""


class StreamedModel:
    """Makes replies of the pieces that a server sends."""

    def __init__(self, wire: ModelWire) -> None:
        self._wire = wire
        self._counter = TokenCounter(wire.provider, wire.model)

    async def reply(self, request: ChatRequest) -> AsyncGenerator[ReplyPart, None]:
        """Stream the reply. Tool calls follow the text, whole.

        :raises ProviderError: by the server's status, its silence, or what it sends
        """
        asked = asked_to_go_on(request)
        count = self._counter.begin(asked)
        reading = _Reading(Continuation(request.said))
        try:
            async with aclosing(self._wire.pieces(asked)) as pieces:
                async for piece in pieces:
                    count.add(piece)
                    # An empty one, too: it tells that the model is at work.
                    yield TextDelta(reading.add(piece))
                    if reading.characters > _LONGEST_CHARACTERS:
                        break
            if text := reading.rest():
                yield TextDelta(text)
            self._judge(reading, request)
        finally:
            # Also a cancelled request is billed for what the server did until then.
            count.tell(request.context.meter)
        for call in reading.calls.complete(self._wire.who):
            yield call
        yield ReplyEnd()

    async def prepare(self) -> None:
        """Open a connection for the first request."""
        await self._wire.prepare()

    async def close(self) -> None:
        """Close all connections."""
        await self._wire.close()

    def _judge(self, reading: _Reading, request: ChatRequest) -> None:
        """Whether this is an answer.

        :raises ProviderError: it is none
        """
        finish, who = reading.finish, self._wire.who
        if finish is not None and finish.why == "filtered":
            raise ProviderBadRequest(f"{who} refuses to answer: {finish.reason or 'content filter'}.")
        if finish is not None and finish.why == "failed":
            raise ProviderUnavailable(f"{who} gave up: {finish.reason}.")
        if self._wire.lenient or reading.characters > _LONGEST_CHARACTERS:
            return
        if finish is None:
            raise ProviderUnavailable(f"{who} broke off in the middle of its answer.")
        if reading.characters or reading.calls or request.said:
            return
        if finish.why == "length":
            raise ProviderBadRequest(f"{who} used up its maxTokens before it said a word; raise maxTokens.")
        raise ProviderUnavailable(f"{who} answered nothing.")


@dataclass(slots=True)
class _Reading:
    """An answer as far as it is read. `characters` counts what the model said, heard before or not."""

    continuation: Continuation
    thoughts: ThoughtFilter = field(default_factory=ThoughtFilter)
    calls: ToolCallDeltas = field(default_factory=ToolCallDeltas)
    finish: Finish | None = None
    characters: int = 0

    def add(self, piece: object) -> str:
        """Take a piece; returns the text that is new."""
        match piece:
            case TextDelta(text=text):
                self.characters += len(text)
                return self.continuation.push(self.thoughts.push(text))
            case ToolCallDelta():
                self.characters += len(piece.arguments)
                self.calls.add(piece)
            case Finish():
                self.finish = piece
            case Tokens():
                pass
        return ""

    def rest(self) -> str:
        """What was held back, when the text has ended."""
        return self.continuation.push(self.thoughts.finish()) + self.continuation.finish()
