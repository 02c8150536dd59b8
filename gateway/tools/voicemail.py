"""voicemail: leaves the assistant's message on an answering machine and hangs up."""

from __future__ import annotations

from gateway.assistant.tool import VoicemailTool
from gateway.conversation.templates import render
from gateway.errors import ConfigError
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult

ENDED = "voicemail"
_USUAL = ToolDefinition(
    "voicemail",
    "Leaves a message and hangs up. Use it when an answering machine has taken the call, and only then.",
    {"type": "object", "properties": {}},
)


class Voicemail:
    seconds = 1.0
    repeatable = True

    def __init__(self, tool: VoicemailTool) -> None:
        self.tool = tool
        self.definition = defined(_USUAL, tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Say the message; without one, only hang up."""
        try:
            message = render(around.voicemail_message, around.port.variables)
        except ConfigError as error:
            return ToolResult(False, str(error), ended_reason=ENDED)
        done = "The message is left, and the call ends." if message else "There is no message to leave: the call ends."
        return ToolResult(True, done, say=message, ended_reason=ENDED)
