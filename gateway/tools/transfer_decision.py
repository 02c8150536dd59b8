"""transferSuccessful and transferCancel: a transfer assistant says whether whom it talks with takes the call.

Both end its conversation, after what is being said; the gateway connects the caller, or gives the caller back.
"""

from __future__ import annotations

from gateway.assistant.tool import TransferCancelTool, TransferSuccessfulTool
from gateway.call.transfer.decision import NOT_TAKEN, TAKEN
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult

_TAKEN = ToolDefinition(
    "transferSuccessful",
    "Connects the caller with the person you are talking to. Use it as soon as a person agrees to take the call.",
    {"type": "object", "properties": {}},
)
_NOT_TAKEN = ToolDefinition(
    "transferCancel",
    "Gives the caller back. Use it when the person does not take the call, or when no person is there.",
    {
        "type": "object",
        "properties": {"reason": {"type": "string", "description": "Why not, in one sentence for the caller's agent."}},
    },
)


class TransferSuccessful:
    seconds = 1.0
    repeatable = True

    def __init__(self, tool: TransferSuccessfulTool) -> None:
        self.tool = tool
        self.definition = defined(_TAKEN, tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """The caller is connected."""
        return ToolResult(True, "The caller is being connected.", ended_reason=TAKEN, wordless=True)


class TransferCancel:
    seconds = 1.0
    repeatable = True

    def __init__(self, tool: TransferCancelTool) -> None:
        self.tool = tool
        self.definition = defined(_NOT_TAKEN, tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """The caller goes back; why not is the result."""
        reason = " ".join(str(use.arguments.get("reason") or "").split())
        said = reason or "The other side does not take the call."
        return ToolResult(True, said, ended_reason=NOT_TAKEN, wordless=True)
