"""sipRequest: INFO, MESSAGE or NOTIFY inside the dialog of the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.assistant.tool import SipRequestTool
from gateway.conversation.templates import render
from gateway.errors import ConfigError
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult
from gateway.tools.schema import as_text, completed, joined, open_part
from gateway.tools.tool_calls import content

BODY = "body"
"""The argument of a body whose schema is no object."""


class SipRequest:
    seconds = 40.0
    repeatable = True
    """The gateway sends that of the same call once."""

    def __init__(self, tool: SipRequestTool) -> None:
        self.tool = tool
        usual = ToolDefinition(
            f"sip_{tool.verb.lower()}",
            f"Sends a SIP {tool.verb} to the other side of the call.",
            joined([open_part(tool.headers), _open_body(tool.body)]),
        )
        self.definition = defined(usual, tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Send it, and wait for the answer."""
        variables = {**around.port.variables, **use.arguments}
        try:
            headers = completed(self.tool.headers, use.arguments, variables) if self.tool.headers else {}
            body = self._body(use, variables)
        except ConfigError as error:
            return ToolResult(False, f"The request was not sent: {error}")
        sent = {str(name): as_text(value) for name, value in headers.items()}
        done = await around.port.send_sip_request(self.tool.verb, sent, body, tool=use.call.id)
        return ToolResult(done.ok, done.detail)

    def _body(self, use: ToolUse, variables: Mapping[str, Any]) -> str:
        body = self.tool.body
        if body is None:
            return ""
        if isinstance(body, str):
            return render(body, variables)
        if body.get("type", "object") != "object":
            return str(use.arguments.get(BODY, ""))
        return content(completed(body, use.arguments, variables))


def _open_body(body: str | dict[str, Any] | None) -> Mapping[str, Any]:
    if body is None or isinstance(body, str):
        return {}
    if body.get("type", "object") != "object":
        return {"properties": {BODY: body}, "required": [BODY]}
    return open_part(body)
