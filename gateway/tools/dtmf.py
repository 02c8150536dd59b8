"""dtmf: presses keys in the call."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from gateway.assistant.tool import DtmfTool
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult

PAUSE_SECONDS = 0.5
"""What a `w` stands for."""
LONGEST = 64
_KEYS = re.compile(r"[0-9A-D*#w]+")
_USUAL = ToolDefinition(
    "dtmf",
    "Presses keys on the telephone keypad, as a menu asks for them.",
    {
        "type": "object",
        "properties": {
            "dtmf": {"type": "string", "description": "The keys: 0 to 9, *, # and A to D; w waits half a second."}
        },
        "required": ["dtmf"],
    },
)


class Dtmf:
    seconds = 60.0
    repeatable = True
    """The gateway presses the same keys of the same call once."""

    def __init__(self, tool: DtmfTool) -> None:
        self.tool = tool
        self.definition = defined(_USUAL, tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Press them, after what was said."""
        keys = _keys(use.arguments)
        if not keys or len(keys) > LONGEST or not _KEYS.fullmatch(keys):
            return ToolResult(False, f"Give up to {LONGEST} keys of 0-9, *, #, A-D and w, not {keys[:LONGEST]!r}.")
        await use.speaker.heard()
        for part in re.findall(r"w+|[^w]+", keys):
            if part.startswith("w"):
                await asyncio.sleep(PAUSE_SECONDS * len(part))
                continue
            done = await around.port.send_digits(part, info=self.tool.sip_info_dtmf_enabled, tool=use.call.id)
            if not done.ok:
                return ToolResult(False, done.detail)
        return ToolResult(True, "The keys were pressed.")


def _keys(arguments: Any) -> str:
    given = next((arguments[name] for name in ("dtmf", "digits", "keys") if name in arguments), "")
    return re.sub(r"[\s-]", "", str(given)).replace(",", "w").replace("W", "w").replace("p", "w")
