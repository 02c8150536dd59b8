"""One exchange with a Model Context Protocol server: connect, ask, close.

The protocol is the `mcp` package's, over streamable HTTP or SSE. Its requests go through the client that everything
else of a user's goes through, so that they reach no address that they may not. Importing this takes a second.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import httpx
import httpx2
import structlog
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Tool

from gateway.errors import ParleyError
from gateway.providers.base import ToolDefinition
from gateway.tools.outcome import ToolResult
from gateway.tools.tool_reply import NOTHING, text_of

MOST_TOOLS = 128
"""OpenAI takes no more."""

logger = structlog.get_logger(__name__)


class McpFault(ParleyError):
    """The server cannot be used; the text says why."""


class Session:
    """Where a server is, and how it is asked.

    :param client: sends the requests
    :param headers: of every request
    """

    def __init__(
        self,
        url: str,
        protocol: Literal["shttp", "sse"],
        *,
        client: httpx.AsyncClient,
        headers: Mapping[str, str],
        timeout_seconds: float,
    ) -> None:
        self._url = url
        self._protocol = protocol
        self._client = client
        self._headers = dict(headers)
        self._timeout = timeout_seconds

    async def tools(self) -> list[ToolDefinition]:
        """The server's tools.

        :raises McpFault: it does not tell
        """
        found: list[ToolDefinition] = []
        async with self._open() as session:
            cursor: str | None = None
            while len(found) < MOST_TOOLS:
                page = await session.list_tools(cursor=cursor)
                found += [_definition(one) for one in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    break
        return found[:MOST_TOOLS]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Run a tool of the server.

        :raises McpFault: there is no result
        """
        async with self._open() as session:
            result = await session.call_tool(name, dict(arguments))
        texts = [one.text for one in result.content if one.type == "text"]
        text = "\n".join(texts) or (json.dumps(result.structured_content) if result.structured_content else "")
        return ToolResult(not result.is_error, text_of(text) or NOTHING)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Client]:
        try:
            async with AsyncExitStack() as stack:
                transport = await self._transport(stack)
                yield await stack.enter_async_context(Client(transport, read_timeout_seconds=self._timeout, cache=None))
        except Exception as error:  # border: a server can make the package fail in any way, and no call ends for it
            logger.info("MCP session failed", url=self._url, error=repr(error))
            raise McpFault(_told(error)) from error

    async def _transport(self, stack: AsyncExitStack) -> Any:
        if self._protocol == "sse":
            return sse_client(self._url, headers=self._headers, httpx_client_factory=self._http)
        return streamable_http_client(self._url, http_client=await stack.enter_async_context(self._http(self._headers)))

    def _http(
        self,
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=_Through(self._client), headers=headers, auth=auth, timeout=timeout or self._timeout
        )


class _Through(httpx2.AsyncBaseTransport):
    """The package's own HTTP client, sending by ours."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request, without redirects."""
        ours = self._client.build_request(
            request.method,
            str(request.url),
            headers=list(request.headers.multi_items()),
            content=await request.aread(),
            extensions={"timeout": request.extensions.get("timeout", {})},
        )
        try:
            response = await self._client.send(ours, stream=True, follow_redirects=False)
        except httpx.TimeoutException as error:
            raise httpx2.ReadTimeout(str(error) or "no answer in time", request=request) from error
        except httpx.HTTPError as error:
            raise httpx2.ConnectError(str(error) or type(error).__name__, request=request) from error
        return httpx2.Response(
            response.status_code, headers=list(response.headers.multi_items()), stream=_Body(response)
        )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_raw():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


def _told(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _told(error.exceptions[0])
    if isinstance(error, McpFault):
        return str(error)
    return f"The MCP server could not be used: {str(error) or type(error).__name__}"


def _definition(tool: Tool) -> ToolDefinition:
    hints = tool.annotations
    repeatable = bool(hints and (hints.read_only_hint or hints.idempotent_hint))
    return ToolDefinition(tool.name, tool.description or "", dict(tool.input_schema), repeatable)
