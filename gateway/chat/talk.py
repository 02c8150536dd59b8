"""One answer of an assistant by text: the model, the tools that it asks for, and the model again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from typing import Any

from gateway.egress.connections import guarded_connections
from gateway.providers.base import CallContext, ChatMessage, ChatRequest, LanguageModel, TextDelta, ToolCall
from gateway.tools.port import Speaker
from gateway.tools.toolbox import Toolbox

TOOL_ROUNDS = 6
"""Times that the model may ask for tools in one answer."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of text of the output's message `index`."""

    index: int
    text: str


@dataclass(slots=True)
class Talk:
    """`messages` is the conversation with its instructions; the answer is added to it, and is in `output`.

    :param turn: how many turns there were, this one included
    :param trusted: the assistant is the operator's, and its model may be at any address
    """

    model: LanguageModel
    tools: Toolbox
    speaker: Speaker
    messages: list[ChatMessage]
    context: CallContext
    turn: int = 1
    trusted: bool = False
    output: list[ChatMessage] = field(default_factory=list)

    async def answer(self) -> AsyncIterator[Delta]:
        """Make the answer; yields its text as it comes.

        :raises ProviderError: the model failed
        """
        for _ in range(TOOL_ROUNDS):
            calls: list[ToolCall] = []
            text = ""
            async for part in self._asked():
                if isinstance(part, TextDelta) and part.text:
                    text += part.text
                    yield Delta(len(self.output), part.text)
                elif isinstance(part, ToolCall):
                    calls.append(part)
            if not calls:
                self._add(ChatMessage("assistant", text))
                return
            said = await self._use(text, calls)
            if said:
                yield Delta(len(self.output), said)
                self._add(ChatMessage("assistant", said))
                return

    async def _asked(self) -> AsyncIterator[Any]:
        await self.tools.settled()
        request = ChatRequest(self.messages, self.tools.definitions, self.context)
        async with aclosing(self.model.reply(request)) as parts:  # type: ignore[type-var]  # every model is a generator
            while True:
                # Not around the whole answer: between its pieces other code runs, with connections of its own.
                with nullcontext() if self.trusted else guarded_connections():
                    part = await anext(parts, None)
                if part is None:
                    return
                yield part

    async def _use(self, text: str, calls: Sequence[ToolCall]) -> str:
        """Run the tools one after the other; returns what is said in the place of the model's next words."""
        outcomes = [await self.tools.run(call, self.turn, self.turn, self.speaker) for call in calls]
        self._add(ChatMessage("assistant", text, tuple(outcome.call for outcome in outcomes)))
        for outcome in outcomes:
            self._add(ChatMessage("tool", outcome.result, tool_call_id=outcome.call.id))
        for outcome in outcomes:
            if outcome.hint:
                self.messages.append(ChatMessage("system", outcome.hint))
        return " ".join(outcome.say for outcome in outcomes if outcome.say)

    def _add(self, message: ChatMessage) -> None:
        self.messages.append(message)
        self.output.append(message)
