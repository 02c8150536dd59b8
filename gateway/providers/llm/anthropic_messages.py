"""Conversations in the terms of Anthropic's messages: content blocks, the system's words apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.providers.base import ChatMessage, ToolDefinition
from gateway.providers.llm.kept import KeptByCall
from gateway.providers.llm.tool_schemas import ToolNames, object_schema
from gateway.providers.llm.turns import system_text, turns

_CACHED = {"type": "ephemeral"}


def system(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """The system's opening words, the same for the whole call and therefore cached."""
    text = system_text(messages)
    return [{"type": "text", "text": text, "cache_control": _CACHED}] if text else []


def messages(messages: Sequence[ChatMessage], names: ToolNames, thoughts: KeptByCall) -> list[dict[str, Any]]:
    """The turns as messages of blocks.

    :param thoughts: blocks of thinking that have to stand before the tool calls that they led to
    """
    return [
        {
            "role": turn.side,
            "content": [block for message in turn.messages for block in _blocks(message, names, thoughts)],
        }
        for turn in turns(messages)
    ]


def tools(tools: Sequence[ToolDefinition], names: ToolNames) -> list[dict[str, Any]]:
    """The tools; the mark on the last one caches all of them."""
    result: list[dict[str, Any]] = [
        {
            "name": names.outside(tool.name),
            "description": tool.description,
            "input_schema": object_schema(tool.parameters),
        }
        for tool in tools
    ]
    if result:
        result[-1]["cache_control"] = _CACHED
    return result


def _blocks(message: ChatMessage, names: ToolNames, thoughts: KeptByCall) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}]
    blocks: list[dict[str, Any]] = list(thoughts.of(message.tool_calls[0].id) or ()) if message.tool_calls else []
    if message.content.strip():
        blocks.append({"type": "text", "text": message.content})
    for call in message.tool_calls:
        use = {"type": "tool_use", "id": call.id, "name": names.outside(call.name), "input": dict(call.arguments)}
        blocks.append(use)
    return blocks
