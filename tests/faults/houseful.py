"""Gateway, api and database as processes that can be killed, with all that is needed to judge what came of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from tests.faults import api_process, gateway_process
from tests.faults.child import start
from tests.faults.gateway_process import GatewayPlan
from tests.link.worker_double import until
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.postgresql import PostgreSQL

TOKEN = "between us"
LINK_SECONDS = 0.02
WATCH_SECONDS = 0.02
MOST_BEHIND = 40
"""Calls that are not told to the control plane when something is killed, at most."""


class Store(Protocol):
    """A database that can be killed."""

    @property
    def url(self) -> str:
        """As `store.url` has it."""

    def kill(self) -> None:
        """As the kernel would."""

    def start(self) -> None:
        """Begin again with what is on disk."""


@dataclass(slots=True)
class Witness:
    """What gateways journalled, whatever became of the files: each call's lines as they were seen on disk."""

    calls: Path
    links: Path
    seen: dict[str, dict[int, tuple[str, str]]] = field(default_factory=dict)
    """By call, then by sequence: kind and data."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Of the files when they were looked at."""

    def link(self) -> None:
        """Keep every journal alive under a second name: the gateway deletes what it need not keep."""
        for path in self.calls.glob("*.journal"):
            with suppress(FileExistsError, FileNotFoundError):
                os.link(path, self.links / path.name)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Link in a thread: a call can begin and be told whole while the loop waits for a database to start."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LINK_SECONDS):
                self.link()

        thread = threading.Thread(target=watch, name="witness", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def look(self) -> None:
        """Remember all lines that are on disk now; none that was seen before may be another one."""
        self.link()
        for path in self.links.glob("*.journal"):
            if self.sizes.get(path.stem) == (size := path.stat().st_size):
                continue
            self.sizes[path.stem] = size
            for line in _whole_lines(path):
                lines = self.seen.setdefault(path.stem, {})
                fact = (line["kind"], json.dumps(line["data"], sort_keys=True))
                assert lines.setdefault(line["sequence"], fact) == fact, f"{path.stem}: line {line['sequence']} changed"

    @property
    def count(self) -> int:
        """Calls that were seen to begin."""
        return len(list(self.links.glob("*.journal")))

    @property
    def events(self) -> int:
        return sum(map(len, self.seen.values()))


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines(keepends=True):
        with suppress(ValueError):
            if line.endswith(b"\n"):
                yield json.loads(line)


class Houseful:
    """The processes.

    :param seed: of the calls
    :param hooks: where messages go
    """

    def __init__(self, folder: Path, store: Store, *, seed: int, hooks: str, callers: int) -> None:
        self.folder = folder
        self.store = store
        self.kills: list[str] = []
        self._seed = seed
        self._hooks = hooks
        self._callers = callers
        self._api_port, self._link_port = free_port(), free_port()
        self._processes: dict[str, BaseProcess] = {}
        self._down: set[str] = set()
        for name in ("gateway/calls", "links"):
            (folder / name).mkdir(parents=True)
        self.witness = Witness(folder / "gateway/calls", folder / "links")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        for part in ("api", "gateway"):
            self.start(part)
        watching = asyncio.create_task(self._watch())
        try:
            with self.witness.watching():
                yield
        finally:
            watching.cancel()
            self._down.update(self._processes)
            for process in self._processes.values():
                process.kill()

    def kill(self, part: str) -> None:
        """`gateway`, `api` or `database`, at once."""
        self.kills.append(part)
        if part == "database":
            self.store.kill()
            return
        self._down.add(part)
        process = self._processes[part]
        process.kill()
        process.join()
        if part == "gateway":
            self.witness.look()

    def start(self, part: str) -> None:
        self._down.discard(part)
        if part == "database":
            self.store.start()
        elif part == "api":
            self._processes[part] = start(api_process.run, self._settings(), self.folder / "api.log")
        else:
            self._seed += 1
            self._processes[part] = start(gateway_process.run, self._plan())

    async def stop_calls(self) -> None:
        """Kill the gateway once more, and start one that has no calls."""
        self.kill("gateway")
        self._callers = 0
        self.start("gateway")

    async def at_work(self) -> None:
        """Wait until there are calls that there were not before, and most of those before were told: a machine that
        cannot keep up would prove less and less."""
        before = self.witness.count
        await until(lambda: self.witness.count > before and self.journals() < MOST_BEHIND, 120)

    def journals(self) -> int:
        """How many there are still to be told."""
        return len(list(self.witness.calls.glob("*.journal")))

    def _plan(self) -> GatewayPlan:
        link = f"{LOOPBACK}:{self._link_port}"
        return GatewayPlan(self.folder / "gateway", link, TOKEN, self._callers, self._seed, self.folder / "gateway.log")

    def _settings(self) -> dict[str, Any]:
        backoff = {"type": "fixed", "maxRetries": 10, "baseDelaySeconds": 0.1}
        server = {"url": self._hooks, "timeoutSeconds": 1, "backoffPlan": backoff}
        return {
            "data_dir": str(self.folder / "api"),
            "api": {"port": self._api_port, "link": f"{LOOPBACK}:{self._link_port}", "link_token": TOKEN},
            "store": {"url": self.store.url},
            "log": {"format": "json"},
            "webhooks": {"analysis_seconds": 0, "per_host": 16},
            "assistants": {"desk": {"model": {"provider": "dialogue"}, "firstMessage": "hello", "server": server}},
        }

    async def _watch(self) -> None:
        """Start again what ended by itself, as systemd does: an api that finds no database ends."""
        while True:
            for part, process in list(self._processes.items()):
                if part not in self._down and not process.is_alive():
                    self.start(part)
            await asyncio.sleep(WATCH_SECONDS)


class SqliteStore:
    """A file; whoever has it open dies with it."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/parley.db"

    def kill(self) -> None:
        raise NotImplementedError("SQLite has no process of its own")

    def start(self) -> None:
        """Nothing to do."""


class PostgreSQLStore:
    """A server with a database of this name."""

    def __init__(self, server: PostgreSQL, name: str) -> None:
        server.execute(f"CREATE DATABASE {name}")
        self.url = server.url(name)
        self._server = server

    def kill(self) -> None:
        self._server.stop(signal.SIGKILL)

    def start(self) -> None:
        self._server.start()
