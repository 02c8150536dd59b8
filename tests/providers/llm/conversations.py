"""Plays a caller against a dialogue, message by message, as the worker would."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.providers.base import (
    ChatMessage,
    ChatRequest,
    LanguageModel,
    ReplyEnd,
    TextDelta,
    ToolCall,
    ToolDefinition,
)
from gateway.providers.llm.dialogue.definition import Dialogue
from gateway.providers.llm.dialogue.model import DialogueModel

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
SUNDAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOOLS = tuple(ToolDefinition(name, "", {"type": "object"}) for name in ("lookup_order", "endCall"))


@dataclass
class Reply:
    text: str
    calls: list[ToolCall]
    expects: str


@dataclass
class Conversation:
    """Each turn asks a new model: nothing but the messages carries over."""

    dialogue: Dialogue
    now: datetime = MONDAY
    tools: tuple[ToolDefinition, ...] = TOOLS
    messages: list[ChatMessage] = field(default_factory=list)

    async def says(self, text: str) -> Reply:
        """The caller's turn."""
        self.messages.append(ChatMessage("user", text))
        return await self.reply()

    async def returns(self, content: str) -> Reply:
        """The result of the tool that was called last."""
        (call,) = self.messages[-1].tool_calls
        self.messages.append(ChatMessage("tool", content, tool_call_id=call.id))
        return await self.reply()

    async def reply(self) -> Reply:
        """The model's answer to the messages so far."""
        model: LanguageModel = DialogueModel(self.dialogue, clock=lambda: self.now)
        reply = Reply("", [], "")
        async for part in model.reply(ChatRequest(tuple(self.messages), self.tools)):
            match part:
                case TextDelta():
                    reply.text += part.text
                case ToolCall():
                    reply.calls.append(part)
                case ReplyEnd():
                    assert not reply.expects, "one end"
                    reply.expects = part.expects
        self.messages.append(ChatMessage("assistant", reply.text, tuple(reply.calls)))
        return reply
