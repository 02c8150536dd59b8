"""handoff: gives the conversation to another assistant.

A dynamic destination is asked of the user's server, by Vapi's `handoff-destination-request`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from gateway.assistant.section import Server
from gateway.assistant.tool import HandoffTool
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.destination import Choice, choices, listed
from gateway.tools.extraction import parsed
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult
from gateway.tools.tool_calls import asking
from gateway.tools.webhook import ask, keep

DONE = "The conversation was handed over."


class Handoff:
    seconds = 60.0
    repeatable = True

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


def _usual(known: Sequence[Choice]) -> ToolDefinition:
    names = [choice.name for choice in known]
    dynamic = names == ["dynamic"]
    name = f"handoff_to_{names[0]}" if len(names) == 1 else "handoff_to_assistant"
    description = (
        "Hands the call to the next assistant. Use it only when your instructions ask for it. "
        f"{listed(known, 'Destinations')}"
    )
    destination = {"type": "string", "enum": names, "description": "Who goes on with the call."}
    parameters = {"type": "object", "properties": {"destination": destination}, "required": ["destination"]}
    own = "dynamic_handoff" if dynamic else re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64]
    return ToolDefinition(own, description, parameters)
