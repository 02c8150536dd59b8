"""function: the user's server carries it out, asked by Vapi's `tool-calls`."""

from __future__ import annotations

import structlog

from gateway.assistant.section import Server
from gateway.assistant.tool import FunctionTool, ToolFunction
from gateway.providers.base import ToolDefinition
from gateway.tools.exchange import Exchange, HttpRequest, exchange, longest_seconds
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult
from gateway.tools.tool_calls import content, tool_calls_message
from gateway.tools.tool_reply import Read, read_reply

logger = structlog.get_logger(__name__)


class Function:
    def __init__(self, tool: FunctionTool, described: ToolFunction, server: Server | None) -> None:
        """
        :param server: of the conversation, for a tool that has none of its own
        """
        self.tool = tool
        self.definition = ToolDefinition(described.name, described.description, described.parameters)
        self._server = tool.server or server

    @property
    def seconds(self) -> float:
        """All attempts together."""
        server = self._server
        return longest_seconds(server.timeout_seconds, server.backoff_plan) if server is not None else 0.0

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Ask the server."""
        server = self._server
        if server is None:
            return ToolResult(False, f"There is no tool {use.call.name} with a server.")
        done = await exchange(around.client, self.request(use, around, server), server.backoff_plan)
        read = self.read(use, done)
        entry = {"id": use.call.id, "name": use.call.name, **done.entry(), "key": use.key, "parse": read.how}
        around.port.journal("tool-request", entry)
        return read.result

    def request(self, use: ToolUse, around: Surroundings, server: Server) -> HttpRequest:
        """What the server is asked."""
        body = content(tool_calls_message(use.call, self.tool, use.call.arguments, around))
        headers = {"Content-Type": "application/json", **server.request_headers, "Idempotency-Key": use.key}
        return HttpRequest("POST", server.url, headers, body, server.timeout_seconds)

    def read(self, use: ToolUse, done: Exchange) -> Read:
        """What the server's answer means."""
        if done.error:
            logger.warning("tool failed", tool=use.call.name, url=done.request.url, error=done.error)
            return Read(ToolResult(False, f"The tool {use.call.name} {done.error}."), "no answer")
        return read_reply(use.call, done.status, done.text, content_type=done.content_type)
