"""The operator's HTTP port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from gateway.errors import SetupError
from gateway.observe.http import listening, operations_app, serving


class Process:
    """What the application asks the process."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.parts: list[str] = []
        self.registry = CollectorRegistry()
        self.app = operations_app(unready=lambda: self.reason, stuck=lambda: self.parts, registry=self.registry)


@asynccontextmanager
async def operator(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the served application."""
    async with (
        serving(process.app, host="127.0.0.1", port=0, purpose="test") as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def test_ready_turns_to_503_with_the_reason() -> None:
    process = Process()
    async with operator(process) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
        process.reason = "draining: 2 calls left"
        unready = await client.get("/readyz")
        assert unready.status_code == 503
        assert unready.json() == {"status": "unready", "reason": "draining: 2 calls left"}
        assert (await client.get("/healthz")).status_code == 200


async def test_health_names_the_parts_that_are_stuck() -> None:
    process = Process()
    process.parts = ["media thread"]
    async with operator(process) as client:
        answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "stuck", "parts": ["media thread"]})


async def test_metrics_are_in_the_format_of_prometheus() -> None:
    process = Process()
    Gauge("things", "Things.", registry=process.registry).set(3)
    async with operator(process) as client:
        answer = await client.get("/metrics")
    (family,) = text_string_to_metric_families(answer.text)
    assert family.name == "things"
    assert family.samples[0].value == 3


async def test_a_port_in_use_is_told_with_what_it_is_for() -> None:
    process = Process()
    async with serving(process.app, host="127.0.0.1", port=0, purpose="test") as port:
        with pytest.raises(SetupError, match=rf"127\.0\.0\.1:{port} for metrics \(http\.port\) cannot be opened"):
            async with serving(process.app, host="127.0.0.1", port=port, purpose="metrics (http.port)"):
                pass


async def test_the_port_is_free_after_the_end() -> None:
    process = Process()
    async with serving(process.app, host="127.0.0.1", port=0, purpose="test") as port:
        pass
    async with serving(process.app, host="127.0.0.1", port=port, purpose="test") as again:
        assert again == port


async def test_an_answer_is_sent_at_once() -> None:
    """asyncio turns Nagle's algorithm off for sockets whose protocol is named TCP; else the second write of an answer
    waits for the client's delayed acknowledgement."""
    accepted: list[int] = []

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with listening("127.0.0.1", 0, purpose="a test") as listener:
        async with await asyncio.start_server(tell, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            assert await reader.read() == b""
            writer.close()
    assert accepted == [1]
