"""Connections of an event loop that has a guard, by each of the libraries that providers use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import httpx2
import pytest
from websockets.asyncio.client import connect

from gateway.egress.connections import ForbiddenConnection, guard_loop, guarded_connections
from gateway.egress.guard import Guard
from tests.egress.servers import Server, response, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(response()) as made:
        yield made


async def by_httpx(url: str) -> None:
    async with httpx.AsyncClient() as client:
        await client.get(url)


async def by_httpx2(url: str) -> None:
    async with httpx2.AsyncClient() as client:
        await client.get(url)


async def by_websockets(url: str) -> None:
    async with connect(url.replace("http", "ws", 1)):
        pass


async def by_hand(url: str) -> None:
    target = httpx.URL(url)
    _, writer = await asyncio.open_connection(target.host, target.port)
    writer.close()


WAYS = (by_httpx, by_httpx2, by_websockets, by_hand)
Way = Callable[[str], Awaitable[None]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_no_library_reaches_a_private_address(server: Server, way: Way, host: str) -> None:
    guard_loop(asyncio.get_running_loop(), Guard())
    with guarded_connections(), pytest.raises((OSError, httpx.HTTPError, httpx2.HTTPError)) as refusal:
        await way(f"http://{host}:{server.port}/")
    assert "egress.allow" in str(refusal.value) or "attempts failed" in str(refusal.value)
    assert not server.requests


async def test_a_redirect_to_a_private_address_is_not_followed(server: Server) -> None:
    there = response(b"", status="302 Found", Location=f"http://127.0.0.1:{server.port}/")
    async with serving(there, host="127.0.0.2") as first:
        guard_loop(asyncio.get_running_loop(), Guard(["127.0.0.2"]))
        with guarded_connections(), pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(follow_redirects=True) as client:
                await client.get(f"http://127.0.0.2:{first.port}/")
        assert first.requests
    assert not server.requests


@pytest.mark.parametrize("allowed", ["127.0.0.0/8", "local*"])
async def test_what_the_operator_allows_is_reached(server: Server, allowed: str) -> None:
    guard_loop(asyncio.get_running_loop(), Guard([allowed]))
    with guarded_connections():
        await by_httpx(f"http://localhost:{server.port}/")
    assert server.requests


async def test_the_operators_own_connections_go_anywhere_at_the_same_time(server: Server) -> None:
    guard_loop(asyncio.get_running_loop(), Guard())

    async def tenant() -> None:
        with guarded_connections(), pytest.raises(ForbiddenConnection):
            await by_hand(f"http://127.0.0.1:{server.port}/")

    await asyncio.gather(tenant(), by_httpx(f"http://127.0.0.1:{server.port}/"))
    assert len(server.requests) == 1


async def test_tasks_that_a_call_begins_are_guarded_too(server: Server) -> None:
    guard_loop(asyncio.get_running_loop(), Guard())
    with guarded_connections():
        task = asyncio.create_task(by_hand(f"http://127.0.0.1:{server.port}/"))
    with pytest.raises(ForbiddenConnection):
        await task
