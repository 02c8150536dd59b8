"""Tool servers that are broken or wicked: each is a failure that the model is told, within its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.egress import guarded_client
from gateway.tools.exchange import KEPT, LARGEST_ANSWER
from tests.tools.scene import Scene
from tests.tools.test_function import order

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(handle: Handle, *, host: str = "127.0.0.1") -> AsyncIterator[str]:
    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(handled, host, 0)
    try:
        yield f"http://{host}:{listening.sockets[0].getsockname()[1]}/tools"
    finally:
        listening.close()


async def outcome_of(handle: Handle, *, seconds: float = 5, **scene: Any) -> tuple[Scene, str]:
    """What the model is told."""
    async with server(handle) as url, httpx.AsyncClient(trust_env=False) as client:
        found = Scene(order(server={"url": url, "timeoutSeconds": seconds}), client=client, **scene)
        outcome = await found.use("order", id=7)
    assert not outcome.ok
    return found, outcome.result


def answering(text: str, *, status: str = "200 OK", headers: str = "") -> Handle:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = text.encode()
        writer.write(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return handle


async def test_a_web_page() -> None:
    page = answering("<!doctype html><title>Log in</title>", headers="Content-Type: text/html\r\n")
    scene, told = await outcome_of(page)
    assert told == "The tool order answered with a web page instead of JSON (status 200)."
    assert (scene.kept["parse"], scene.kept["response"][:15]) == ("web page", "<!doctype html>")


async def test_silence() -> None:
    async def handle(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    scene, told = await outcome_of(handle, seconds=1)
    assert told == "The tool order did not answer within 1 s."
    assert (scene.kept["status"], scene.kept["error"]) == (0, "did not answer within 1 s")


async def test_a_slow_drip() -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    _, told = await outcome_of(handle, seconds=1)
    assert told == "The tool order did not answer within 1 s."


async def test_ten_megabytes() -> None:
    scene, told = await outcome_of(answering("x" * (10 << 20)))
    assert told == f"The tool order answered with more than {LARGEST_ANSWER >> 20} MB."
    assert len(scene.kept["response"]) == KEPT


async def test_results_of_other_calls() -> None:
    _, told = await outcome_of(
        answering('{"results":[{"toolCallId":"x","result":"1"},{"toolCallId":"y","result":"2"}]}')
    )
    assert told == "The tool order gave no result with the id t, among 2."


async def test_a_connection_that_breaks_off() -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

    _, told = await outcome_of(handle)
    assert told.startswith("The tool order could not be reached")


async def test_what_is_no_http() -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    _, told = await outcome_of(handle)
    assert told.startswith("The tool order could not be reached")


@pytest.mark.parametrize(
    "url", ["", "shop.test/tools", "ftp://shop.test/", "http://", "http://[::1", "file:///etc/passwd"]
)
async def test_a_url_that_cannot_be_called(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        outcome = await Scene(order(server={"url": url}), client=client).use("order")
    assert not outcome.ok
    assert outcome.result.startswith("The tool order")


async def test_a_private_address_and_a_redirect_to_one() -> None:
    asked: list[str] = []

    async def secret(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append("secret")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    async with server(secret, host="127.0.0.2") as hidden:
        away = answering("", status="307 Temporary Redirect", headers=f"Location: {hidden}\r\n")
        async with server(away) as url, guarded_client(["127.0.0.1"]) as client:
            for asking in (url, hidden):
                outcome = await Scene(order(server={"url": asking}), client=client).use("order")
                assert not outcome.ok
                assert "add 127.0.0.2 to egress.allow" in outcome.result
    assert not asked
