"""The messages of a chat: as clients send and see them, and as a model does.

A client's are OpenAI's (`role`, `content`), or those of a call's artifact (`role`, `message`). What is shown has both
texts where Vapi's schema asks for one and its clients read the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.errors import BadRequest
from gateway.providers.base import ChatMessage, ToolCall

Shown = dict[str, Any]
ROLES = ("system", "user", "assistant", "tool", "developer", "bot")
LONGEST_INPUT = 100_000
"""Characters of one message."""


def read_input(value: object) -> list[ChatMessage]:
    """What a client says: a text of the user's, or messages.

    :raises BadRequest: it is neither, or says nothing
    """
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    if not isinstance(value, list) or not value:
        raise BadRequest(["input must be a string or an array of messages"])
    problems: list[str] = []
    messages = [_read(message, f"input.{index}", problems) for index, message in enumerate(value)]
    if not problems and not any(message.content.strip() or message.tool_calls for message in messages):
        problems.append("input should not be empty")
    if problems:
        raise BadRequest(problems)
    return messages


def read_messages(kept: Sequence[Mapping[str, Any]]) -> list[ChatMessage]:
    """The messages of an earlier chat or of a session."""
    return [_read(message, "messages", []) for message in kept]


def _read(message: object, path: str, problems: list[str]) -> ChatMessage:
    if not isinstance(message, Mapping):
        problems.append(f"{path} must be an object")
        return ChatMessage("user", "")
    role, text = message.get("role"), _text(message)
    if role not in ROLES:
        problems.append(f"{path}.role must be one of {', '.join(ROLES)}")
    if text is None:
        problems.append(f"{path}.content must be a string")
    elif len(text) > LONGEST_INPUT:
        problems.append(f"{path}.content must have at most {LONGEST_INPUT} characters")
    role = {"bot": "assistant", "developer": "system"}.get(str(role), str(role))
    id_ = message.get("tool_call_id")
    return ChatMessage(role, text or "", _calls(message), str(id_) if id_ is not None else None)


def _text(message: Mapping[str, Any]) -> str | None:
    """A message's text; None when it is none. OpenAI's clients may send it in parts."""
    content = message.get("content", message.get("message"))
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(part for part in parts if isinstance(part, str))
    if content is None:
        return "" if message.get("tool_calls") else None
    return content if isinstance(content, str) else None


def _calls(message: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    calls = message.get("tool_calls")
    read = [_call(call) for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    return tuple(call for call in read if call is not None)


def _call(call: Mapping[str, Any]) -> ToolCall | None:
    function = call.get("function")
    if not isinstance(function, Mapping):
        return None
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError:
            return None
    if not isinstance(arguments, Mapping):
        return None
    return ToolCall(str(call.get("id")), str(function.get("name")), dict(arguments))


def shown(message: ChatMessage, at: datetime) -> Shown:
    """A message as Vapi's schema has it.

    :param at: when it was said
    """
    told: Shown = {"role": message.role, "content": message.content}
    if message.tool_calls:
        told["tool_calls"] = [_shown_call(call) for call in message.tool_calls]
    if message.role == "tool":
        told["tool_call_id"] = message.tool_call_id or ""
    if message.role in ("user", "system"):
        time_ms = round(at.timestamp() * 1000)
        told |= {"message": message.content, "time": time_ms, "secondsFromStart": 0}
    return told


def _shown_call(call: ToolCall) -> Shown:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
