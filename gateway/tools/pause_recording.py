"""pauseRecording and resumeRecording: nothing of what is confidential is kept, or heard by the model."""

from __future__ import annotations

from gateway.assistant.tool import PauseRecordingTool, ResumeRecordingTool
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult

_NOTHING = {"type": "object", "properties": {}}
_PAUSE = ToolDefinition(
    "pauseRecording",
    "Pauses the recording, before the caller gives card data or other confidential data. You hear nothing until it goes"
    " on; then you are told so.",
    _NOTHING,
)
_RESUME = ToolDefinition("resumeRecording", "Lets the recording go on.", _NOTHING)


class PauseRecording:
    seconds = 5.0
    repeatable = True

    def __init__(self, tool: PauseRecordingTool | ResumeRecordingTool) -> None:
        self.tool = tool
        self._pauses = isinstance(tool, PauseRecordingTool)
        self.definition = defined(_PAUSE if self._pauses else _RESUME, tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """At once."""
        done = await around.port.pause_recording(paused=self._pauses)
        return ToolResult(done.ok, done.detail)
