"""What a squad's members may do for each other: their `assistantDestinations` as tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError

from gateway.assistant.tool import HandoffTool, ToolBase, TransferCallTool

logger = structlog.get_logger(__name__)


def with_destinations(tools: Sequence[ToolBase], destinations: Sequence[Mapping[str, Any]]) -> list[ToolBase]:
    """The tools of a member with those that lead to its destinations: assistants by its transferCall tool, as Vapi has
    it, and what only a handoff can have by a handoff tool. One that cannot be read is left out."""
    transfers = [one for one in destinations if not _is_handoff(one)]
    handoffs = [one for one in destinations if _is_handoff(one)]
    result = list(tools)
    if transfers:
        own = next((tool for tool in result if isinstance(tool, TransferCallTool)), None)
        known = [one.json_object for one in own.destinations] if own else []
        added = [
            one for one in transfers if one.get("assistantName") not in {each.get("assistantName") for each in known}
        ]
        tool = _read(TransferCallTool, "transferCall", [*known, *added])
        if tool is not None and own is not None:
            result[result.index(own)] = own.model_copy(update={"destinations": tool.destinations})
        elif tool is not None:
            result.append(tool)
    if handoffs and (tool := _read(HandoffTool, "handoff", handoffs)) is not None:
        result.append(tool)
    return result


def _is_handoff(destination: Mapping[str, Any]) -> bool:
    return destination.get("type", "assistant") != "assistant" or "contextEngineeringPlan" in destination


def _read(
    model: type[TransferCallTool] | type[HandoffTool], kind: str, destinations: Sequence[Mapping[str, Any]]
) -> TransferCallTool | HandoffTool | None:
    try:
        typed = [{"type": "assistant", **one} for one in destinations]
        return model.model_validate({"type": kind, "destinations": typed})
    except ValidationError as error:
        logger.warning("destinations left out", error=str(error.errors(include_input=False)[0]["msg"]))
        return None
