"""recordingConsent: takes the caller's answer to the question whether the call may be recorded."""

from __future__ import annotations

from gateway.assistant.tool import RecordingConsentTool
from gateway.providers.base import ToolDefinition
from gateway.recording.consent import ANSWER_TOOL
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult


class RecordingConsent:
    seconds = 15.0
    repeatable = True
    definition = ToolDefinition(ANSWER_TOOL, "Takes the caller's answer.", {"type": "object", "properties": {}})

    def __init__(self, tool: RecordingConsentTool) -> None:
        self.tool = tool

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Journal it, and go on as the plan says."""
        granted = bool(use.arguments.get("granted"))
        done = await around.port.take_consent(granted=granted)
        return ToolResult(done.ok, "The caller consents." if granted else "The caller does not consent.")
