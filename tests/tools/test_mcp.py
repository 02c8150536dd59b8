from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from gateway.egress import guarded_client
from gateway.observe.http import serving
from gateway.tools import mcp_tools
from tests.tools.scene import Scene


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_tools, "_known", {})


def shop() -> MCPServer:
    server = MCPServer("shop")

    @server.tool(name="order.state", description="Says where an order is.")
    def state(number: int) -> str:
        if number == 13:
            raise ToolError("there is no order 13")
        return f"Order {number} is on its way."

    return server


@asynccontextmanager
async def served(protocol: str) -> AsyncIterator[str]:
    app = shop().sse_app() if protocol == "sse" else shop().streamable_http_app()
    outer = FastAPI()
    outer.mount("/", app)
    async with app.router.lifespan_context(app), serving(outer, host="127.0.0.1", port=0, purpose="a shop") as port:
        yield f"http://127.0.0.1:{port}/{'sse' if protocol == 'sse' else 'mcp'}"


def tool(url: str, protocol: str = "shttp", **fields: Any) -> dict[str, Any]:
    server = {"url": url, "timeoutSeconds": 5}
    return {"type": "mcp", "server": server, "metadata": {"protocol": protocol}, **fields}


@pytest.mark.parametrize("protocol", ["shttp", "sse"])
async def test_the_servers_tools_are_the_models(protocol: str) -> None:
    async with served(protocol) as url, httpx.AsyncClient(trust_env=False) as client:
        messages = [{"name": "order.state", "messages": [{"type": "request-start", "content": "Let me look."}]}]
        scene = Scene(tool(url, protocol, toolMessages=messages), client=client)
        scene.toolbox.prepare()
        await scene.toolbox.settled()
        (definition,) = scene.toolbox.definitions
        assert (definition.name, definition.description) == ("order_state", "Says where an order is.")
        assert definition.parameters["properties"]["number"]["type"] == "integer"

        outcome = await scene.use("order_state", number=7)
        assert (outcome.ok, outcome.result) == (True, "Order 7 is on its way.")
        assert scene.said == ["Let me look."]
        assert json.loads(scene.kept["request"])["arguments"] == {"number": 7}
        assert (scene.kept["url"], scene.kept["parse"]) == (url, "MCP result")

        outcome = await scene.use("order_state", number=13)
        assert not outcome.ok
        assert "there is no order 13" in outcome.result


async def test_a_server_that_was_asked_lately_is_not_asked_again() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        async with served("shttp") as url:
            await Scene(tool(url), client=client).toolbox.settled()
        scene = Scene(tool(url), client=client)
        await scene.toolbox.settled()
        assert [one.name for one in scene.toolbox.definitions] == ["order_state"]


async def test_a_server_that_cannot_be_asked_gives_no_tools_and_the_record_says_so() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        scene = Scene(tool("http://127.0.0.1:9/mcp"), {"type": "endCall"}, client=client)
        await scene.toolbox.settled()
    assert [one.name for one in scene.toolbox.definitions] == ["endCall"]
    ((kind, data),) = scene.port.entries
    assert (kind, data["event"]) == ("note", "mcp-tools")
    assert data["detail"].startswith("No tools of http://127.0.0.1:9/mcp: The MCP server could not be used")


async def test_a_server_at_a_private_address_is_not_asked() -> None:
    async with served("shttp") as url, guarded_client() as client:
        scene = Scene(tool(url), client=client)
        await scene.toolbox.settled()
    assert scene.toolbox.definitions == ()
    assert "egress.allow" in scene.port.entries[0][1]["detail"]
