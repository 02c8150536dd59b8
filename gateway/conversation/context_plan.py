"""What of a conversation the next assistant sees when it takes a call over. Pure.

A destination of a squad says it as `transferMode`, one of a handoff tool as `contextEngineeringPlan`: the names and
their meanings are Vapi's. With rolling-history the new assistant's system messages stand where it came; in every other
mode they replace those of the assistants before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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
from gateway.providers.base import ChatMessage

ROLLING = "rolling-history"
SWAP = "swap-system-message-in-history"
SWAP_WITHOUT_TOOLS = "swap-system-message-in-history-and-remove-transfer-tool-messages"
DELETE = "delete-history"
ALL = "all"
NONE = "none"
LAST = "lastNMessages"
SPOKEN = "userAndAssistantMessages"
PREVIOUS = "previousAssistantMessages"
MODES = (ROLLING, SWAP, SWAP_WITHOUT_TOOLS, DELETE, ALL, NONE, LAST, SPOKEN, PREVIOUS)


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """`mode` is one of `MODES`; `messages` is how many the last ones are."""

    mode: str = ROLLING
    messages: int = 0

    @classmethod
    def of(cls, destination: Mapping[str, Any]) -> ContextPlan:
        """The plan of a destination. One that says nothing, or what nobody knows, keeps the history."""
        plan = destination.get("contextEngineeringPlan")
        if isinstance(plan, Mapping):
            mode, count = str(plan.get("type", ALL)), plan.get("maxMessages", 0)
            return cls(mode if mode in MODES else ALL, int(count) if isinstance(count, int | float) else 0)
        mode = str(destination.get("transferMode") or ROLLING)
        return cls(mode if mode in MODES else ROLLING)


def handed_over(
    context: Context, plan: ContextPlan, system: Sequence[ChatMessage], *, transfers: Collection[str] = ()
) -> Context:
    """The context of the assistant that takes the conversation over.

    :param system: its own system messages
    :param transfers: ids of the tool calls by which the conversation went from one to the next
    """
    parts = list(zip(context.facts, context.spans, strict=True))
    if plan.mode == ROLLING:
        turn = max((part.turn for part, _ in parts), default=0)
        end_ms = parts[-1][1][1] if parts else 0
        parts.append((Instructed(turn, tuple(system)), (end_ms, end_ms)))
        return _context(context.system, parts)
    kept = [
        (part, span)
        for index, (part, span) in enumerate(parts)
        if not isinstance(part, Instructed) and _stays(part, index, context, plan, transfers)
    ]
    if plan.mode == LAST:
        kept = kept[max(0, len(kept) - plan.messages) :]
    return _context(tuple(system), kept)


def _stays(part: Part, index: int, context: Context, plan: ContextPlan, transfers: Collection[str]) -> bool:
    match plan.mode:
        case "delete-history" | "none":
            return False
        case "previousAssistantMessages":
            return index >= context.since
        case "userAndAssistantMessages":
            return isinstance(part, CallerSaid | AgentSaid) or (isinstance(part, Added) and part.role != "system")
        case "swap-system-message-in-history-and-remove-transfer-tool-messages":
            return not (isinstance(part, ToolCalled | ToolReturned) and part.id in transfers)
        case "lastNMessages":
            return not isinstance(part, AgentSaid) or bool(part.heard)
    return True


def _context(system: tuple[ChatMessage, ...], parts: Sequence[tuple[Part, tuple[int, int]]]) -> Context:
    return Context(system, [part for part, _ in parts], [span for _, span in parts], since=len(parts))
