"""Conversations in the terms of OpenAI's chat completions, which half of the providers speak.

Follows https://platform.openai.com/docs/api-reference/chat/create (messages, tools).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway.providers.base import ChatMessage, ToolCall, ToolDefinition


def message(message: ChatMessage) -> dict[str, Any]:
    """A message with its tool calls, or the answer to one."""
    result: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        result["tool_calls"] = _calls(message.tool_calls)
    if message.tool_call_id is not None:
        result["tool_call_id"] = message.tool_call_id
    return result


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
