"""Conversations in Gemini's terms: contents of parts, the model's and the user's in turns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.genai import types

from gateway.providers.base import ChatMessage, ToolCall, ToolDefinition
from gateway.providers.llm.kept import KeptByCall
from gateway.providers.llm.tool_schemas import ToolNames, gemini_schema
from gateway.providers.llm.turns import Turn, system_text, turns

_UNSIGNED = b"skip_thought_signature_validator"
"""What https://ai.google.dev/gemini-api/docs/thought-signatures has for calls that another model made."""
_SIGNING = re.compile(r"gemini-[3-9]")
_LEAST_OF_PRO = 128


def system(messages: Sequence[ChatMessage]) -> str:
    """The system's opening words."""
    return system_text(messages)


def contents(
    messages: Sequence[ChatMessage], names: ToolNames, signatures: KeptByCall, model: str
) -> list[types.Content]:
    """The turns.

    :param signatures: of the thoughts that led to tool calls; they have to go back with them
    """
    called = {call.id: call.name for message in messages for call in message.tool_calls}
    unsigned = _UNSIGNED if _SIGNING.match(model) else None
    return [
        types.Content(
            role="model" if turn.side == "assistant" else "user",
            parts=list(_parts(turn, called, names, signatures, unsigned)),
        )
        for turn in turns(messages)
    ]


def tools(tools: Sequence[ToolDefinition], names: ToolNames) -> list[types.Tool]:
    """The tools, as declarations of one."""
    declarations = [
        types.FunctionDeclaration(
            name=names.outside(tool.name),
            description=tool.description,
            parameters=_schema(tool.parameters),
        )
        for tool in tools
    ]
    return [types.Tool(function_declarations=declarations)] if declarations else []


def thinking(model: str) -> types.ThinkingConfig | None:
    """As little as the model allows, None where it has no choice
    (https://ai.google.dev/gemini-api/docs/thinking)."""
    if _SIGNING.match(model):
        level = types.ThinkingLevel.LOW if "pro" in model else types.ThinkingLevel.MINIMAL
        return types.ThinkingConfig(thinking_level=level)
    if model.startswith("gemini-2.5"):
        return types.ThinkingConfig(thinking_budget=_LEAST_OF_PRO if "pro" in model else 0)
    return None


def _schema(parameters: Mapping[str, Any]) -> types.Schema | None:
    schema = gemini_schema(parameters)
    return types.Schema.model_validate(schema) if schema else None


def _parts(
    turn: Turn, called: Mapping[str, str], names: ToolNames, signatures: KeptByCall, unsigned: bytes | None
) -> Iterator[types.Part]:
    for message in turn.messages:
        if message.role == "tool":
            name = names.outside(called.get(message.tool_call_id or "", "tool"))
            answer = types.FunctionResponse(id=message.tool_call_id, name=name, response={"result": message.content})
            yield types.Part(function_response=answer)
            continue
        if message.content.strip():
            yield types.Part(text=message.content)
        for number, call in enumerate(message.tool_calls):
            # Of calls made at once only the first is signed.
            signature = signatures.of(call.id) or (unsigned if number == 0 else None)
            yield types.Part(function_call=_call(call, names), thought_signature=signature)


def _call(call: ToolCall, names: ToolNames) -> types.FunctionCall:
    return types.FunctionCall(id=call.id, name=names.outside(call.name), args=dict(call.arguments))
