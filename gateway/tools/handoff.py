"""handoff: gives the conversation to another assistant.

A dynamic destination is asked of the user's server, by Vapi's `handoff-destination-request`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError

from gateway.assistant.section import Server
from gateway.assistant.tool import HandoffTool
from gateway.assistant.tool_plan import VariableExtractionPlan
from gateway.errors import ConfigError
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.destination import Choice, choices, listed
from gateway.tools.extraction import extracted, parsed
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult
from gateway.tools.tool_calls import asking
from gateway.tools.webhook import ask, keep

logger = structlog.get_logger(__name__)

DONE = "The conversation was handed over."


class Handoff:
    seconds = 60.0

    def __init__(self, tool: HandoffTool, server: Server | None) -> None:
        self.tool = tool
        self._server = tool.server or server
        self._choices = choices([one.json_object for one in tool.destinations] or [{"type": "dynamic"}])
        self.definition = defined(_usual(self._choices), tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Have the next assistant made ready; it takes over when all that was said is heard."""
        wanted = str(use.arguments.get("destination", ""))
        only = self._choices[0] if len(self._choices) == 1 else None
        choice = only or next((one for one in self._choices if one.fits(wanted)), None)
        if choice is None:
            names = ", ".join(one.name for one in self._choices)
            return ToolResult(False, f"Give one of these destinations: {names}.")
        destination, text = choice.destination, self.tool.default_result or DONE
        if destination.get("type") == "dynamic":
            asked = await self._asked(destination, use, around)
            if isinstance(asked, ToolResult):
                return asked
            destination, text = asked[0], asked[1] or text
        _keep_variables(destination, use, around)
        done = await around.port.hand_off(destination, tool=use.call.id)
        return ToolResult(True, text, left=True) if done.ok else ToolResult(False, done.detail)

    async def _asked(
        self, destination: Mapping[str, Any], use: ToolUse, around: Surroundings
    ) -> tuple[Mapping[str, Any], str] | ToolResult:
        """The destination that the server names, and what it says of it to the model."""
        try:
            server = Server.model_validate(destination["server"]) if destination.get("server") else self._server
        except ValidationError:
            return ToolResult(False, "The server of the dynamic destination is not valid.")
        if server is None:
            return ToolResult(False, "There is no server to ask for the destination.")
        message = asking("handoff-destination-request", around, parameters=dict(use.arguments))
        done = await ask(server, message, use, around)
        answer = parsed(done.text)
        found = answer.get("destination") if isinstance(answer, Mapping) else None
        keep(use, done, "destination" if isinstance(found, Mapping) else "no destination", around)
        if isinstance(found, Mapping):
            return {"type": "assistant", **found}, str(answer.get("result") or "")
        if isinstance(answer, Mapping) and answer.get("error"):
            return ToolResult(False, str(answer["error"]))
        why = done.error or f"answered with the status {done.status} and no destination"
        return ToolResult(False, f"The conversation was not handed over: the server {why}.")


def _keep_variables(destination: Mapping[str, Any], use: ToolUse, around: Surroundings) -> None:
    """What the model told of the conversation as the destination's `variableExtractionPlan` asks for it."""
    if (plan := _extraction(destination)) is None:
        return
    told = {name: value for name, value in use.arguments.items() if name != "destination"}
    try:
        values = extracted(plan, json.dumps(told, ensure_ascii=False), around.port.variables)
    except ConfigError as error:
        logger.warning("variables not extracted", tool=use.name, error=str(error))
        return
    if values:
        around.port.set_variables(values)


def _extraction(destination: Mapping[str, Any]) -> VariableExtractionPlan | None:
    try:
        plan = destination.get("variableExtractionPlan")
        return VariableExtractionPlan.model_validate(plan) if plan else None
    except ValidationError:
        return None


def _asked_for(known: Sequence[Choice]) -> dict[str, Any]:
    """The properties that the destinations' extraction plans name: the model fills them in when it hands over, which
    takes no request of its own."""
    plans = [plan for choice in known if (plan := _extraction(choice.destination)) is not None]
    schemas = [plan.json_schema for plan in plans if plan.json_schema]
    return {
        name: schema
        for one in schemas
        for name, schema in (one.get("properties") or {}).items()
        if isinstance(schema, Mapping) and name != "destination"
    }


def _usual(known: Sequence[Choice]) -> ToolDefinition:
    names = [choice.name for choice in known]
    dynamic = names == ["dynamic"]
    name = f"handoff_to_{names[0]}" if len(names) == 1 else "handoff_to_assistant"
    description = (
        "Hands the call to the next assistant. Use it only when your instructions ask for it. "
        f"{listed(known, 'Destinations')}"
    )
    destination = {"type": "string", "enum": names, "description": "Who goes on with the call."}
    properties = {"destination": destination, **_asked_for(known)}
    parameters = {"type": "object", "properties": properties, "required": ["destination"]}
    own = "dynamic_handoff" if dynamic else re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64]
    return ToolDefinition(own, description, parameters)
