"""Conversations in the terms of OpenAI's chat completions, which half of the providers speak.

Follows https://platform.openai.com/docs/api-reference/chat/create (messages, tools).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from gateway.providers.base import ChatMessage, ToolCall, ToolDefinition
from gateway.providers.llm.turns import Turn, system_text, turns


def message(message: ChatMessage) -> dict[str, Any]:
    """A message with its tool calls, or the answer to one."""
    result: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        result["tool_calls"] = _calls(message.tool_calls)
    if message.tool_call_id is not None:
        result["tool_call_id"] = message.tool_call_id
    return result


def alternating(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """The conversation for servers whose models insist on user and assistant in turns."""
    system = system_text(messages)
    opening = [{"role": "system", "content": system}] if system else []
    return [*opening, *(message(one) for turn in turns(messages) for one in joined(turn))]


def joined(turn: Turn) -> Iterator[ChatMessage]:
    """A turn's results of tools one by one, and what follows each other beside them as one message."""
    for is_result, group in groupby(turn.messages, key=lambda message: message.role == "tool"):
        if is_result:
            yield from group
            continue
        messages = list(group)
        text = "\n".join(message.content for message in messages if message.content.strip())
        calls = tuple(call for message in messages for call in message.tool_calls)
        yield ChatMessage(messages[0].role, text, calls)


def tool(tool: ToolDefinition) -> dict[str, Any]:
    """A function that the model may call."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
        }
        for call in calls
    ]
