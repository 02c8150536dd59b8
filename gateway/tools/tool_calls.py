"""Vapi's `tool-calls` message, with each call in every shape that servers are written for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.assistant.tool import FunctionTool
from gateway.conversation.server_message import server_message
from gateway.providers.base import ToolCall
from gateway.tools.kind import Surroundings


def tool_calls_message(call: ToolCall, tool: FunctionTool, around: Surroundings) -> dict[str, Any]:
    """The body of the request for one call, whose arguments are the model's and the static ones."""
    values = dict(call.arguments)
    function = {"name": call.name, "arguments": values, "parameters": values}
    entry = {"id": call.id, "type": "function", **function, "function": function}
    described = tool.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"server"})
    lists = {
        "toolCallList": [entry],
        "toolCalls": [entry],
        "toolWithToolCallList": [{"type": "function", **described, "name": call.name, "toolCall": entry}],
    }
    return asking("tool-calls", around, **lists)


def asking(kind: str, around: Surroundings, **fields: Any) -> dict[str, Any]:
    """A message to a server that has to answer: what all have, the conversation so far, and the call's variables."""
    port = around.port
    artifact = {"messagesOpenAIFormatted": list(port.messages()), "variableValues": dict(port.variables)}
    number = {"phoneNumber": dict(around.phone_number)} if around.phone_number else {}
    return server_message(kind, call=around.call, assistant=around.assistant, artifact=artifact, **fields, **number)


def content(body: Mapping[str, Any]) -> str:
    """A body as it goes over the wire."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str)
