"""A gateway, its workers and a control plane of our own, each of which can be hurt."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.chaos.disk import SmallDisk, small_disk
from gateway.chaos.plan import Part, Plan
from gateway.chaos.ports import free_port, free_range
from gateway.chaos.processes import Process
from gateway.chaos.providers import counting_assistant
from gateway.chaos.relay import HOST, Relay, relay
from gateway.control.client import ControlClient
from gateway.control.messages import StatusReport
from gateway.errors import ParleyError, SetupError, StoreError
from gateway.link.worker_state import WorkerState

READY_SECONDS = 60.0
PORTS_PER_CALL = 12
"""A call's pair rests for half a minute, in which the caller has called again several times."""
_PORTS_TO_SPARE = 40
_LOOK_SECONDS = 0.2
_NICENESS = 5
_RESERVE_MEGABYTES = 4
_LOCK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Worker:
    process: Process
    relay: Relay

    @property
    def address(self) -> str:
        """As the gateway knows it."""
        return f"{HOST}:{self.relay.port}"


@dataclass(frozen=True, slots=True)
class Office:
    """`sip` is where it is called, `data` the gateway's directory, `database` the control plane's file."""

    sip: str
    data: Path
    database: Path
    gateway: Process
    api: Process
    api_relay: Relay
    workers: Sequence[Worker]
    disk: SmallDisk | None

    async def status(self) -> StatusReport | None:
        """What the gateway says of itself; None while it says nothing."""
        try:
            return await asyncio.to_thread(self._ask)
        except ParleyError:
            return None

    def _ask(self) -> StatusReport:
        with ControlClient(self.data) as client:
            return client.status()

    async def busiest(self) -> tuple[Worker, bool]:
        """The worker with the most calls, and whether it is the only one: no other is ready, as far as is known."""
        report = await self.status()
        states = {worker.address: worker for worker in report.workers} if report else {}
        calls = {address: worker.calls for address, worker in states.items()}
        chosen = max(self.workers, key=lambda worker: calls.get(worker.address, 0))
        ready = {address for address, worker in states.items() if worker.state is WorkerState.READY}
        return chosen, bool(states) and not ready - {chosen.address}

    def lock(self) -> sqlite3.Connection:
        """The database as one that another writer has; it is free when the connection is closed.

        :raises StoreError: others write all the time
        """
        connection = sqlite3.connect(
            self.database, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            connection.close()
            raise StoreError(f"The database of the control plane cannot be locked: {error}.") from error
        return connection

    async def wait_ready(self) -> None:
        """Until calls are taken by all workers.

        :raises SetupError: something ended, or was not ready in time
        """
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            for process in (self.gateway, self.api, *(worker.process for worker in self.workers)):
                process.require_alive()
            report = await self.status() if self.gateway.said("parley ready") else None
            if report and self._all_ready(report) and self.api.said("parley api ready"):
                return
            await asyncio.sleep(_LOOK_SECONDS)
        raise SetupError(
            f"Parley was not ready after {READY_SECONDS:.0f} s; see the logs in {self.gateway.log.parent}."
        )

    def _all_ready(self, report: StatusReport) -> bool:
        return sum(worker.state is WorkerState.READY for worker in report.workers) == len(self.workers)


@asynccontextmanager
async def office(plan: Plan, folder: Path, tool_url: str) -> AsyncIterator[Office]:
    """From ready to ended.

    :param folder: for settings, data and logs
    :raises SetupError: it does not get ready
    """
    async with AsyncExitStack() as stack:
        disk = None
        data = folder / "data"
        if any(fault.part == Part.DISK for fault in plan.faults):
            disk = stack.enter_context(small_disk(folder / "disk"))
            data = folder / "disk" / "data"
        workers = [await _worker(stack, folder, number) for number in range(1, plan.workers + 1)]
        api_port = free_port()
        api_relay = await stack.enter_async_context(relay(api_port))
        sip = f"{HOST}:{free_port()}"
        token = secrets.token_hex(16)
        _write(folder / "api.yaml", api_settings(folder / "api", api_port, token))
        ports = free_range(PORTS_PER_CALL * plan.calls + _PORTS_TO_SPARE)
        ways = Ways(sip, ports, [worker.address for worker in workers], f"{HOST}:{api_relay.port}", token, tool_url)
        _write(folder / "parley.yaml", gateway_settings(data, ways, words=plan.words))
        made = Office(
            sip=sip,
            data=data,
            database=folder / "api" / "parley.db",
            gateway=_process(folder, "gateway", "serve"),
            api=Process("api", ["api", "--config", str(folder / "api.yaml")], folder / "api.log", _NICENESS),
            api_relay=api_relay,
            workers=workers,
            disk=disk,
        )
        for process in (made.api, *(worker.process for worker in workers), made.gateway):
            stack.push_async_callback(process.end)
            process.start()
        await made.wait_ready()
        yield made


async def _worker(stack: AsyncExitStack, folder: Path, number: int) -> Worker:
    port = free_port()
    process = _process(folder, f"worker-{number}", "worker", "--listen", f"{HOST}:{port}", niceness=_NICENESS)
    return Worker(process, await stack.enter_async_context(relay(port)))


def _process(folder: Path, name: str, *arguments: str, niceness: int = 0) -> Process:
    return Process(name, [*arguments, "--config", str(folder / "parley.yaml")], folder / f"{name}.log", niceness)


def _write(file: Path, settings: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Ways:
    """How the parts of an office reach each other: host:port each; `token` is between gateway and control plane."""

    sip: str
    rtp: tuple[int, int]
    workers: Sequence[str]
    api: str
    token: str
    tool_url: str


def api_settings(data: Path, port: int, token: str) -> dict[str, Any]:
    """Of the control plane, which has a directory of its own: the gateway's disk may be full."""
    return {
        "data_dir": str(data),
        "api": {"port": 0, "link": f"{HOST}:{port}", "link_token": token},
        "log": {"format": "json"},
    }


def gateway_settings(data: Path, ways: Ways, *, words: int) -> dict[str, Any]:
    """Of the gateway and its workers.

    :param words: of the greeting, and of each answer
    """
    host, port = ways.sip.rsplit(":", 1)
    return {
        "data_dir": str(data),
        "sip": {"host": host, "port": int(port)},
        "rtp": {"ports": "{}-{}".format(*ways.rtp)},
        "http": {"port": 0},
        "media": {"port": 0},
        # What is to be heard is what faults do, not what a busy machine is spared.
        "admission": {"media_late_ms": None, "loop_late_ms": None, "memory": None},
        "worker": {"count": 0, "addresses": list(ways.workers)},
        "api": {"address": ways.api, "link_token": ways.token},
        "egress": {"allow": [f"{HOST}/32"]},
        "disk": {"reserve_megabytes": _RESERVE_MEGABYTES},
        "log": {"format": "json"},
        "drain_seconds": 2,
        "routes": [{"assistant": "chaos"}],
        "assistants": {"chaos": counting_assistant(words, ways.tool_url)},
        # What no call of theirs has need not be loaded by workers: they begin sooner.
        "assistant_defaults": {
            "transcriber": {"provider": "custom-transcriber", "server": {"url": ways.tool_url}},
            "voice": {"provider": "custom-voice", "server": {"url": ways.tool_url}},
        },
    }
