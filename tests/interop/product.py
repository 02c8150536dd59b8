"""The product as a user starts it: `parley serve` with a settings file of the test's, in its own process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.peers.process import ChildProcess, PeerFailed

REPOSITORY = Path(__file__).parents[2]
SHIPPED_SETTINGS = REPOSITORY / "config/parley.yaml"
SERVE = (sys.executable, "-m", "gateway.cli", "serve")
STALLING_SERVE = (sys.executable, str(Path(__file__).with_name("stalling_serve.py")), "serve")
"""Like SERVE; on SIGUSR1 the gateway's interpreter stands still for 500 ms."""


def shipped_assistant(tool_url: str | None = None) -> dict[str, Any]:
    """The demo assistant of config/parley.yaml, its tool pointed at `tool_url`."""
    assistant: dict[str, Any] = yaml.safe_load(SHIPPED_SETTINGS.read_text())["assistants"]["demo"]
    model = assistant["model"]
    model["file"] = str(SHIPPED_SETTINGS.parent / model["file"])
    for tool in model["tools"]:
        if tool_url and "server" in tool:
            tool["server"]["url"] = tool_url
    return assistant


@dataclass(frozen=True, slots=True)
class ProductPlan:
    """How `parley serve` is set up. `changes` are laid over the settings, section by section; lists as they are.

    `without_worker` waits for its announcement only, as /readyz says no while no worker takes calls.
    """

    folder: Path
    assistant: Mapping[str, Any]
    trunks: Sequence[Mapping[str, Any]] = ()
    changes: Mapping[str, Mapping[str, Any] | Sequence[Any]] = field(default_factory=dict)
    command: Sequence[str] = SERVE
    sip_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    rtp_ports: tuple[int, int] = field(default_factory=lambda: free_ports(200))
    ready_seconds: float = 60
    without_worker: bool = False
    drain_seconds: float = 2

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.sip_port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def settings(self) -> dict[str, Any]:
        """The content of the settings file."""
        settings: dict[str, Any] = {
            "data_dir": str(self.data),
            "sip": {"host": LOOPBACK, "port": self.sip_port},
            "rtp": {"ports": f"{self.rtp_ports[0]}-{self.rtp_ports[1]}"},
            "http": {"host": LOOPBACK, "port": self.http_port},
            # the machine of a test does other things, too
            "admission": {"media_late_ms": None, "loop_late_ms": None, "memory": None},
            "worker": {"count": 1},
            "log": {"format": "json", "level": "info"},
            "drain_seconds": self.drain_seconds,
            "api": {"enabled": False},
            "trunks": [dict(trunk) for trunk in self.trunks],
            "routes": [{"assistant": "demo"}],
            "assistants": {"demo": dict(self.assistant)},
            "demo": {"enabled": False},
        }
        for section, values in self.changes.items():
            merged = {**settings.get(section, {}), **values} if isinstance(values, Mapping) else list(values)
            settings[section] = merged
        return settings


class Product:
    """A running `parley serve`."""

    def __init__(self, plan: ProductPlan, child: ChildProcess) -> None:
        self.plan = plan
        self.child = child

    @property
    def address(self) -> str:
        return self.plan.address

    async def ready(self) -> None:
        """:raises PeerFailed: when it ends, or is not ready in time"""
        for _ in range(int(self.plan.ready_seconds * 10)):
            self.child.require_running()
            if self.announced if self.plan.without_worker else await self._status("/readyz") == 200:
                return
            await asyncio.sleep(0.1)
        raise PeerFailed(f"parley serve is not ready after {self.plan.ready_seconds} s.\n{self.child.tail()}")

    @property
    def announced(self) -> bool:
        return "parley ready" in self.child.log.read_text(errors="replace")

    async def _status(self, path: str) -> int:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"http://{LOOPBACK}:{self.plan.http_port}{path}", timeout=2)).status_code
        except httpx.TransportError:
            return 0

    async def scrape(self) -> str:
        """/metrics as it is now."""
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://{LOOPBACK}:{self.plan.http_port}/metrics", timeout=5)).text

    async def metric(self, name: str) -> float:
        """Sum over a metric's labels, 0 when it has not been measured."""
        return metric_value(await self.scrape(), name)

    def worker_pid(self) -> int:
        """Process id of the local worker that was started last."""
        ready = [line for line in self.log_lines() if line["message"] == "process ready"]
        return int([line["pid"] for line in ready if line["child"].startswith("worker-")][-1])

    def records(self, number: str | None = None) -> list[dict[str, Any]]:
        """Records of ended calls, oldest file first; those to `number` when one is given.

        A record is written after the call has ended: a test that shares the product calls a number of its own.
        """
        files = sorted((self.plan.data / "calls").glob("*.json"), key=lambda path: path.stat().st_mtime)
        found = [json.loads(path.read_text()) for path in files]
        return [one for one in found if number is None or one["called"].startswith(f"sip:{number}@")]

    async def wait_for_records(
        self, count: int, *, number: str | None = None, seconds: float = 10
    ) -> list[dict[str, Any]]:
        """:raises PeerFailed: when there are fewer than `count` records in time"""
        for _ in range(int(seconds * 10)):
            if len(found := self.records(number)) >= count:
                return found
            await asyncio.sleep(0.1)
        raise PeerFailed(f"{len(self.records(number))} of {count} records after {seconds} s.\n{self.child.tail()}")

    async def wait_until_active(self, calls: int, *, seconds: float = 10) -> None:
        """Wait until exactly `calls` calls are going on. :raises PeerFailed: when there are not, in time"""
        for _ in range(int(seconds * 10)):
            if await self.metric("parley_calls_active") == calls:
                return
            await asyncio.sleep(0.1)
        raise PeerFailed(f"not {calls} calls active within {seconds} s.\n{self.child.tail()}")

    def log_lines(self) -> list[dict[str, Any]]:
        """Its log, line by line; lines that are no JSON are left out."""
        lines = self.child.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def footprint(self) -> Footprint:
        """What the gateway process holds now."""
        return Footprint.of(self.child.pid)


def metric_value(scraped: str, name: str, *, labels: str = r"(?:\{[^}]*\})?") -> float:
    """Sum of the values of a metric in a scrape.

    :param labels: pattern of its labels, braces included; by default any
    """
    return sum(float(value) for value in re.findall(rf"^{name}{labels} (\S+)$", scraped, re.MULTILINE))


@dataclass(frozen=True, slots=True)
class Footprint:
    """Threads, file descriptors and sockets of a process, its child processes apart."""

    threads: int
    descriptors: int
    sockets: int
    resident_mib: float

    @classmethod
    def of(cls, pid: int) -> Footprint:
        """Read from /proc; a descriptor that closes meanwhile is left out."""
        folder = Path(f"/proc/{pid}")
        status = (folder / "status").read_text()
        links = []
        for entry in (folder / "fd").iterdir():
            try:
                links.append(str(entry.readlink()))
            except FileNotFoundError:
                continue
        return cls(
            threads=len(list((folder / "task").iterdir())),
            descriptors=len(links),
            sockets=sum(link.startswith("socket:") for link in links),
            resident_mib=int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024,
        )


@asynccontextmanager
async def running_product(plan: ProductPlan) -> AsyncIterator[Product]:
    """`parley serve` from ready to stopped.

    :raises PeerFailed: when it does not get ready, or does not stop on SIGTERM
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    settings = plan.folder / "parley.yaml"
    settings.write_text(yaml.safe_dump(plan.settings()))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
    child = await ChildProcess.start(
        [*plan.command, "--config", str(settings)], log=plan.folder / "parley.log", cwd=REPOSITORY, env=environment
    )
    product = Product(plan, child)
    try:
        await product.ready()
        yield product
    finally:
        await child.stop(seconds=15)
