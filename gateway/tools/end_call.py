"""endCall: the call ends, after what is being said."""

from __future__ import annotations

from gateway.assistant.tool import EndCallTool
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult

ENDED = "assistant-ended-call"
_USUAL = ToolDefinition("endCall", "Ends the call. Use it when the conversation is over.", {"type": "object"})


class EndCall:
    seconds = 1.0
    repeatable = True

    def __init__(self, tool: EndCallTool) -> None:
        self.tool = tool
        self.definition = defined(_USUAL, tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """End it."""
        return ToolResult(True, "The call ends.", ended_reason=ENDED)
