"""transferCall: sends the caller to a number, a SIP URI, or another assistant of the squad.

Without destinations the user's server is asked for one, by Vapi's `transfer-destination-request`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.assistant.section import Server
from gateway.assistant.tool import TransferCallTool
from gateway.call.transfer.plan import longest_seconds
from gateway.conversation.templates import render
from gateway.errors import ConfigError
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.destination import Choice, choices, listed
from gateway.tools.extraction import parsed
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult
from gateway.tools.tool_calls import asking
from gateway.tools.webhook import ask, keep

TRANSFERRED = "The call was transferred."
USUAL_MESSAGE = "Transferring the call now."
FAILED = "call.in-progress.error-transfer-failed"
SUMMARY_SECONDS = 60.0
"""The longest that a summary may take."""
UNKNOWN_SECONDS = 400.0
"""Where a server names the destination."""


class TransferCall:
    repeatable = True
    """The gateway transfers once for the same call, and tells how that went again."""

    def __init__(self, tool: TransferCallTool, server: Server | None) -> None:
        self.tool = tool
        self._server = tool.server or server
        self._choices = choices([one.json_object for one in tool.destinations])
        named = [longest_seconds(choice.destination) for choice in self._choices]
        self.seconds = SUMMARY_SECONDS + (max(named) if named else UNKNOWN_SECONDS)
        self.definition = defined(_usual(self._choices), tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Transfer the call; the conversation goes on when that fails."""
        if self._choices:
            destination = self._chosen(use)
            if destination is None:
                names = ", ".join(choice.name for choice in self._choices)
                return ToolResult(False, f"Give one of these destinations: {names}.")
        else:
            asked = await self._asked(use, around)
            if isinstance(asked, ToolResult):
                return asked
            destination = asked
        return await self._transfer(destination, use, around)

    def _chosen(self, use: ToolUse) -> Mapping[str, Any] | None:
        wanted = str(use.arguments.get("destination", ""))
        if len(self._choices) == 1:
            return self._choices[0].destination
        return next((choice.destination for choice in self._choices if choice.fits(wanted)), None)

    async def _asked(self, use: ToolUse, around: Surroundings) -> Mapping[str, Any] | ToolResult:
        """The destination that the server names."""
        if self._server is None:
            return ToolResult(False, "There is nowhere to transfer the call to: no destination, and no server to ask.")
        message = asking("transfer-destination-request", around, parameters=dict(use.arguments))
        done = await ask(self._server, message, use, around)
        answer = parsed(done.text)
        destination = answer.get("destination") if isinstance(answer, Mapping) else None
        keep(use, done, "destination" if isinstance(destination, Mapping) else "no destination", around)
        if isinstance(answer, Mapping) and isinstance(destination, Mapping):
            told = answer.get("message")
            return {**destination, **({} if told is None or "message" in destination else {"message": told})}
        if isinstance(answer, Mapping) and answer.get("error"):
            return ToolResult(False, str(answer["error"]))
        why = done.error or f"answered with the status {done.status} and no destination"
        return ToolResult(False, f"The call was not transferred: the server {why}.")

    async def _transfer(self, destination: Mapping[str, Any], use: ToolUse, around: Surroundings) -> ToolResult:
        if not use.again and (text := _message(destination, around)):
            use.speaker.say(text)
        if destination.get("type") == "assistant":  # which is made ready meanwhile
            done = await around.port.hand_off(destination, tool=use.call.id)
        else:
            await use.speaker.heard()
            done = await around.port.transfer(destination, tool=use.call.id)
        plan = destination.get("transferPlan")
        if done.ok and isinstance(plan, Mapping) and plan.get("agentStays") is True:
            return ToolResult(True, done.detail)
        if done.ok:
            return ToolResult(True, TRANSFERRED, left=True)
        fallback = plan.get("fallbackPlan") if isinstance(plan, Mapping) else None
        if not isinstance(fallback, Mapping):
            return ToolResult(False, f"The call was not transferred: {done.detail}")
        ends = fallback.get("endCallEnabled", True)
        return ToolResult(
            False,
            f"The call was not transferred: {done.detail}",
            say=_spoken(fallback.get("message"), around),
            ended_reason=(done.reason or FAILED) if ends else "",
        )


def _usual(known: Sequence[Choice]) -> ToolDefinition:
    if not known:
        return ToolDefinition("transferCall", "Transfers the call.", {"type": "object", "properties": {}})
    description = f"Transfers the call. {listed(known, 'Destinations')}"
    names = [choice.name for choice in known]
    destination = {"type": "string", "enum": names, "description": "Where the call goes."}
    parameters = {"type": "object", "properties": {"destination": destination}, "required": ["destination"]}
    return ToolDefinition("transferCall", description, parameters)


def _message(destination: Mapping[str, Any], around: Surroundings) -> str:
    """What is said before; an empty message is silence, and a handover between assistants is silent anyway."""
    if "message" not in destination:
        return "" if destination.get("type") == "assistant" else USUAL_MESSAGE
    return _spoken(destination["message"], around)


def _spoken(message: Any, around: Surroundings) -> str:
    """The text of a message: a text, or Vapi's custom message."""
    if isinstance(message, Mapping):
        contents = message.get("contents") or []
        first = contents[0].get("text") if contents and isinstance(contents[0], Mapping) else ""
        message = message.get("content") or first
    try:
        return render(str(message or ""), around.port.variables)
    except ConfigError:
        return ""
