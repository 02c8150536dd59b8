"""Conversations in Mistral's terms: OpenAI's messages, with orders and ids that it insists on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from gateway.providers.base import ChatMessage, ToolCall, ToolDefinition
from gateway.providers.llm import chat_completions
from gateway.providers.llm.tool_schemas import ToolNames
from gateway.providers.llm.turns import Turn, system_text, turns

_ID = re.compile(r"[A-Za-z0-9]{9}")
_UNHEARD = "(The caller interrupts.)"
"""It refuses a user's message directly behind a tool's."""


def messages(messages: Sequence[ChatMessage], names: ToolNames) -> list[dict[str, Any]]:
    """The system's words and the turns behind them."""
    system = system_text(messages)
    opening = [{"role": "system", "content": system}] if system else []
    return [*opening, *(message for turn in turns(messages) for message in _turn(turn, names))]


def tools(tools: Sequence[ToolDefinition], names: ToolNames) -> list[dict[str, Any]]:
    """The tools by names that it takes."""
    return [chat_completions.tool(replace(tool, name=names.outside(tool.name))) for tool in tools]


def _turn(turn: Turn, names: ToolNames) -> Iterator[dict[str, Any]]:
    answered = False
    for message in chat_completions.joined(turn):
        if message.role == "tool":
            answered = True
            yield chat_completions.message(replace(message, tool_call_id=_id(message.tool_call_id or "")))
            continue
        if answered:
            yield {"role": "assistant", "content": _UNHEARD}
        calls = tuple(ToolCall(_id(call.id), names.outside(call.name), call.arguments) for call in message.tool_calls)
        yield chat_completions.message(replace(message, tool_calls=calls))


def _id(call_id: str) -> str:
    """An id as it takes them, 9 letters and digits: its own, or one made of another model's."""
    return call_id if _ID.fullmatch(call_id) else hashlib.sha256(call_id.encode()).hexdigest()[:9]
