"""Conversations for the models that are strict about whose turn it is.

User and assistant take turns, the user is the first and the last, and the system's words stand apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.providers.base import ChatMessage

_BEGINNING = "(The call begins.)"
"""What the caller contributes when the agent speaks first."""
_SILENCE = "(The caller says nothing.)"

Side = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Turn:
    """Consecutive messages of one side; results of tools are the user's."""

    side: Side
    messages: tuple[ChatMessage, ...]


def system_text(messages: Sequence[ChatMessage]) -> str:
    """What the system says before the conversation begins."""
    return "\n\n".join(message.content for message in messages[: _opening(messages)] if message.content.strip())


def turns(messages: Sequence[ChatMessage]) -> list[Turn]:
    """The conversation behind the opening words of the system. Messages that say nothing are left out."""
    result: list[Turn] = []
    for side, message in _sided(messages[_opening(messages) :]):
        if result and result[-1].side == side:
            result[-1] = Turn(side, (*result[-1].messages, message))
        else:
            result.append(Turn(side, (message,)))
    if not result or result[0].side == "assistant":
        result.insert(0, Turn("user", (ChatMessage("user", _BEGINNING),)))
    if result[-1].side == "assistant":
        result.append(Turn("user", (ChatMessage("user", _SILENCE),)))
    return result


def _opening(messages: Sequence[ChatMessage]) -> int:
    return next((index for index, message in enumerate(messages) if message.role != "system"), len(messages))


def _sided(messages: Sequence[ChatMessage]) -> Iterator[tuple[Side, ChatMessage]]:
    for message in messages:
        if message.role == "assistant":
            if message.tool_calls or message.content.strip():
                yield "assistant", message
        elif message.role == "system":
            yield "user", ChatMessage("user", f"(Instruction of the system, not of the caller: {message.content})")
        elif message.role == "tool" or message.content.strip():
            yield "user", message
