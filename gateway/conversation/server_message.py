"""Vapi's messages to the user's servers: what all of them say of the call, and the conversation in both its shapes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.conversation.context import (
    Added,
    AgentSaid,
    CallerSaid,
    Context,
    Instructed,
    Part,
    ToolCalled,
    ToolReturned,
)
from gateway.providers.base import ChatMessage, ToolCall


def server_message(
    kind: str, *, call: Mapping[str, Any], assistant: Mapping[str, Any], **fields: Any
) -> dict[str, Any]:
    """The body of a request. `timestamp` is the wall clock in ms, `assistant` the assistant as JSON without secrets."""
    parties = {name: call[name] for name in ("customer", "phoneNumber") if name in call}
    about = {
        "timestamp": round(time.time() * 1000),
        "call": dict(call),
        "assistant": dict(assistant),
        **parties,
    }
    return {"message": {"type": kind, **about, **fields}}


def conversation(context: Context, *, began_ms: int, said: str, start_ms: int, end_ms: int) -> dict[str, Any]:
    """The conversation so far as `messages`, `messagesOpenAIFormatted` and, again and as text, `artifact`.

    :param began_ms: the wall clock at the call clock's zero, ms
    :param said: what the caller has said since, in [start_ms, end_ms] of the call clock
    """
    facts: list[tuple[Part, tuple[int, int]]] = list(zip(context.facts, context.spans, strict=True))
    if said:
        facts.append((CallerSaid(0, said), (start_ms, end_ms)))
    told = [
        {"role": message.role, "message": message.content, "time": began_ms, "secondsFromStart": 0}
        for message in context.system
    ]
    told += [{**content, **_times(span, began_ms)} for fact, span in facts if (content := _content(fact))]
    shapes = {"messages": told, "messagesOpenAIFormatted": openai_messages(context.messages(said))}
    return {**shapes, "artifact": {**shapes, "transcript": _transcript(told)}}


def openai_messages(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """The model's messages as OpenAI's chat completions have them."""
    return [_openai(message) for message in messages]


def _openai(message: ChatMessage) -> dict[str, Any]:
    result: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        result["tool_calls"] = [openai_tool_call(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        result["tool_call_id"] = message.tool_call_id
    return result


def _content(fact: Part) -> dict[str, Any] | None:
    match fact:
        case CallerSaid():
            return {"role": "user", "message": fact.text}
        case AgentSaid():
            return {"role": "bot", "message": fact.heard} if fact.heard else None
        case ToolCalled():
            call = ToolCall(fact.id, fact.name, fact.arguments)
            return {"role": "tool_calls", "message": "", "toolCalls": [openai_tool_call(call)]}
        case ToolReturned():
            return {"role": "tool_call_result", "toolCallId": fact.id, "name": fact.name, "result": fact.result}
        case Added():
            return {"role": "bot" if fact.role == "assistant" else fact.role, "message": fact.content}
        case Instructed():
            return {"role": "system", "message": "\n".join(message.content for message in fact.messages)}


def openai_tool_call(call: ToolCall) -> dict[str, Any]:
    """A tool call as OpenAI's chat completions have it."""
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _times(span: tuple[int, int], began_ms: int) -> dict[str, float]:
    start, end = span
    return {"time": began_ms + start, "endTime": began_ms + end, "secondsFromStart": start / 1000}


def _transcript(messages: Sequence[Mapping[str, Any]]) -> str:
    names = {"bot": "AI", "user": "User"}
    return "".join(f"{names[m['role']]}: {m['message']}\n" for m in messages if m["role"] in names)
