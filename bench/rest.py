"""How many requests the REST API answers, and how soon: one read, one write, both on SQLite."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from bench.report import Figure, Report, Target
from gateway.api.announcement import AnnouncementReader
from tests.peers.process import ChildProcess

SUMMARY = "requests to the REST API: rate and latency of reads and writes"
METHOD = (
    "`parley api` with SQLite in an empty folder; a client of plain sockets in another process of the machine keeps "
    "8 connections busy, each with one request after the other: GET of one assistant, then POST of new ones, whose "
    "bodies are checked and kept; a latency is from the first byte sent to the last one received; no calls run"
)
CONNECTIONS, REQUESTS = 8, 4000
WARM = 200
READY_SECONDS = 60
KEY = "sk_benchmark"
ASSISTANT = {
    "name": "Bench",
    "firstMessage": "Hello!",
    "model": {
        "provider": "openai",
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "You answer in one sentence. " * 20}],
    },
}


async def measure(folder: Path) -> Report:
    """Run it; half a minute."""
    config = await asyncio.to_thread(_write_settings, folder)
    api, port = await _started(config, folder / "api.log")
    try:
        created = await _Connection.open(port)
        made = json.loads(await created.ask("POST", "/assistant", ASSISTANT))["id"]
        read = await _load(port, lambda connection: connection.ask("GET", f"/assistant/{made}"))
        written = await _load(port, lambda connection: connection.ask("POST", "/assistant", ASSISTANT))
    finally:
        await api.stop()
    figures = [Figure.of("GET one", read.latencies_ms), Figure.of("POST one", written.latencies_ms)]
    targets = [
        Target("GET one, p99", read.p99_ms, 50),
        Target("GET one", read.per_second, 500, "1/s", at_least=True),
        Target("POST one, p99", written.p99_ms, 50),
        Target("POST one", written.per_second, 150, "1/s", at_least=True),
    ]
    return Report("rest", METHOD, figures, [], [_extras()], targets=targets)


def _extras() -> str:
    """Packages that it is faster with."""
    from importlib.util import find_spec

    there = [name for name in ("uvloop", "httptools") if find_spec(name)]
    return f"with {' and '.join(there)}" if there else "without uvloop and httptools, which make it faster"


def _write_settings(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "parley.yaml"
    settings = {"data_dir": str(folder / "data"), "api": {"port": 0, "bootstrap_key": KEY}}
    file.write_text(yaml.safe_dump(settings))
    return file


async def _started(config: Path, log: Path) -> tuple[ChildProcess, int]:
    command = [sys.executable, "-m", "gateway.cli", "api", "--config", str(config)]
    api = await ChildProcess.start(command, log=log, env=os.environ)
    reader = AnnouncementReader()
    async with asyncio.timeout(READY_SECONDS):
        while reader.announced is None:
            await asyncio.sleep(0.1)
            api.require_running()
            for line in api.tail().splitlines():
                reader(line)
    return api, int(reader.announced.url.rpartition(":")[2])


class _Load:
    """What `CONNECTIONS` together got."""

    def __init__(self, latencies_ms: list[float], seconds: float) -> None:
        self.latencies_ms = latencies_ms
        self.per_second = len(latencies_ms) / seconds
        self.p99_ms = sorted(latencies_ms)[int(len(latencies_ms) * 0.99)]


async def _load(port: int, request: Callable[[_Connection], Any]) -> _Load:
    connections = [await _Connection.open(port) for _ in range(CONNECTIONS)]
    await _busy(connections, request, WARM)
    began = time.perf_counter()
    latencies = await _busy(connections, request, REQUESTS)
    return _Load(latencies, time.perf_counter() - began)


async def _busy(connections: list[_Connection], request: Callable[[_Connection], Any], count: int) -> list[float]:
    latencies: list[float] = []

    async def keep_busy(connection: _Connection) -> None:
        for _ in range(count // len(connections)):
            began = time.perf_counter()
            await request(connection)
            latencies.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(keep_busy(connection) for connection in connections))
    return latencies


class _Connection:
    """HTTP/1.1 with nothing that would be measured, too."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> _Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        """The answer's body."""
        content = json.dumps(body).encode() if body else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self._writer.write(head.encode() + content)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status, length = int(answer[9:12]), int(answer.split("content-length: ")[1].split("\r")[0])
        told = await self._reader.readexactly(length)
        assert status < 300, told
        return told
