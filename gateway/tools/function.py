"""function: the user's server carries it out, asked by Vapi's `tool-calls`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from gateway.assistant.section import Server
from gateway.assistant.tool import FunctionTool, ToolFunction
from gateway.errors import ConfigError
from gateway.providers.base import ToolCall, ToolDefinition
from gateway.tools.exchange import Exchange, HttpRequest, longest_seconds
from gateway.tools.extraction import extracted
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult
from gateway.tools.templates import static_values
from gateway.tools.tool_calls import tool_calls_message
from gateway.tools.tool_reply import Read, read_reply
from gateway.tools.webhook import ask, keep, webhook_request

logger = structlog.get_logger(__name__)


class Function:
    repeatable = False

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
        if self._server is None:
            return ToolResult(False, f"There is no tool {use.name} with a server.")
        try:
            body = self._body(use, around)
        except ConfigError as error:
            return ToolResult(False, f"The tool {use.name} was not called: {error}")
        done = await ask(self._server, body, use, around)
        read = self.read(use, done)
        keep(use, done, read.how, around)
        if read.result.ok:
            self._extract(read.result, around)
        return read.result

    async def request(self, use: ToolUse, around: Surroundings) -> HttpRequest:
        """What a server is asked.

        :raises ParleyError: there is no server, a template is malformed, or the request cannot be signed
        """
        if self._server is None:
            raise ConfigError(f"The tool {use.name} has no server; give it server.url.")
        return await webhook_request(self._server, self._body(use, around), use, around)

    def read(self, use: ToolUse, done: Exchange) -> Read:
        """What the server's answer means."""
        if done.error:
            logger.warning("tool failed", tool=use.name, url=done.request.url, error=done.error)
            return Read(ToolResult(False, f"The tool {use.name} {done.error}."), "no answer")
        return read_reply(use.call, done.status, done.text, content_type=done.content_type)

    def _body(self, use: ToolUse, around: Surroundings) -> Mapping[str, Any]:
        fixed = static_values(self.tool.parameters, around.port.variables)
        call = ToolCall(use.call.id, use.name, {**use.arguments, **fixed})
        return tool_calls_message(call, self.tool, around)

    def _extract(self, result: ToolResult, around: Surroundings) -> None:
        port = around.port
        try:
            values = extracted(self.tool.variable_extraction_plan, result.text, port.variables)
        except ConfigError as error:
            logger.warning("no variables extracted", error=str(error))
            return
        if values:
            port.set_variables(values)
