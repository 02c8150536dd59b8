"""mcp: the tools of a Model Context Protocol server, each a tool of the model.

They are asked for when the conversation begins; what a server said is kept for some minutes, for all calls of the
process. Each use is a session of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import re
import time
from typing import TYPE_CHECKING

import structlog

from gateway.assistant.section import Server
from gateway.assistant.tool import McpTool, ToolBase
from gateway.errors import ParleyError
from gateway.providers.base import ToolDefinition
from gateway.tools.exchange import Exchange, HttpRequest
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult
from gateway.tools.tool_calls import content
from gateway.tools.webhook import keep

if TYPE_CHECKING:
    from gateway.tools.mcp_session import Session

LIST_SECONDS = 5.0
"""The first reply waits for no longer."""
KEPT_SECONDS = 300.0
MOST_SERVERS = 500
_NAME = re.compile(r"[^a-zA-Z0-9_-]")

logger = structlog.get_logger(__name__)

_known: dict[str, tuple[float, list[ToolDefinition]]] = {}
"""What servers said they have, by all that a request to them is made of, and until when that is believed."""


class McpTools:
    """A server in the settings of a conversation."""

    def __init__(self, tool: McpTool) -> None:
        self._tool = tool

    async def listed(self, around: Surroundings) -> list[McpToolKind]:
        """The server's tools; none when it does not tell, which the record says."""
        server = self._tool.server
        if server is None:
            return []
        try:
            async with asyncio.timeout(LIST_SECONDS):
                definitions = await self._definitions(server, around)
        except (ParleyError, TimeoutError) as error:
            why = str(error) or f"no answer within {LIST_SECONDS:g} s"
            logger.warning("MCP server not asked", url=server.url, error=why)
            around.port.journal("note", {"event": "mcp-tools", "detail": f"No tools of {server.url}: {why}"})
            return []
        return [McpToolKind(self._own(one.name), server, one, self._tool.metadata.protocol) for one in definitions]

    async def _definitions(self, server: Server, around: Surroundings) -> list[ToolDefinition]:
        headers = await _headers(server, around)
        identity = json.dumps([server.url, self._tool.metadata.protocol, sorted(headers.items())])
        key = hashlib.sha256(identity.encode()).hexdigest()
        until, known = _known.get(key, (0.0, []))
        if until > time.monotonic():
            return known
        session = await _session(server, self._tool.metadata.protocol, around)
        found = await session.tools()
        while len(_known) >= MOST_SERVERS:
            del _known[next(iter(_known))]
        _known[key] = (time.monotonic() + KEPT_SECONDS, found)
        return found

    def _own(self, name: str) -> ToolBase:
        """The settings of one of the server's tools: its messages may be others."""
        for one in self._tool.tool_messages:
            if one.name == name:
                return self._tool.model_copy(update={"messages": one.messages})
        return self._tool


class McpToolKind:
    """One tool of a server."""

    def __init__(self, tool: ToolBase, server: Server, told: ToolDefinition, protocol: str) -> None:
        self.tool = tool
        self.definition = ToolDefinition(_NAME.sub("_", told.name)[:64], told.description, told.parameters)
        self._server = server
        self._name = told.name
        self._repeatable = told.repeatable
        self._protocol = protocol

    @property
    def seconds(self) -> float:
        """Of one use."""
        return self._server.timeout_seconds

    @property
    def repeatable(self) -> bool:
        """The server says that it only reads, or that a second use changes nothing more."""
        return self._repeatable

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Have the server do it. It is not asked twice: what has no answer may have been done."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.seconds):
                session = await _session(self._server, self._protocol, around)
                result = await session.call(self._name, use.arguments)
            how = "MCP result" if result.ok else "MCP error"
        except (ParleyError, TimeoutError) as error:
            why = str(error) or f"The MCP server did not answer within {self.seconds:g} s."
            result, how = ToolResult(False, why), "no answer"
        asked = content({"method": "tools/call", "name": self._name, "arguments": dict(use.arguments)})
        request = HttpRequest("POST", self._server.url, {}, asked)
        ms = round((time.monotonic() - began) * 1000)
        fault = "" if result.ok else result.text
        keep(use, Exchange(request, text=result.text, error=fault, ms=ms), how, around)
        return result


async def _headers(server: Server, around: Surroundings) -> dict[str, str]:
    written = {"url": server.url, "headers": server.headers, "secret": server.secret}
    return await around.signer.headers(written, around.credential(server.credential_id), b"")


async def _session(server: Server, protocol: str, around: Surroundings) -> Session:
    module = await asyncio.to_thread(importlib.import_module, "gateway.tools.mcp_session")
    headers = {**await _headers(server, around), "X-Call-Id": str(around.call.get("id", ""))}
    session: Session = module.Session(
        server.url, protocol, client=around.client, headers=headers, timeout_seconds=server.timeout_seconds
    )
    return session
