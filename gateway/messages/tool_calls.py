"""Tool calls in a message: all the shapes that servers written for Vapi read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def tool_calls_fields(calls: Iterable[tuple[str, str, Any, Mapping[str, Any]]]) -> dict[str, Any]:
    """The fields of a `tool-calls` message.

    :param calls: id, name, arguments, and the tool as the assistant has it, each
    """
    entries = [(tool_call_entry(id_, name, arguments), tool) for id_, name, arguments, tool in calls]
    listed = [entry for entry, _ in entries]
    with_tools = [{"type": "function", "name": entry["name"], **tool, "toolCall": entry} for entry, tool in entries]
    return {"toolCallList": listed, "toolCalls": listed, "toolWithToolCallList": with_tools}


def tool_call_entry(id_: str, name: str, arguments: Any) -> dict[str, Any]:
    """One call: flat, OpenAI's, and with `parameters`."""
    given = arguments if isinstance(arguments, Mapping) else {}
    function = {"name": name, "arguments": given, "parameters": given}
    return {"id": id_, "type": "function", "name": name, "arguments": given, "parameters": given, "function": function}
