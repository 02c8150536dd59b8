"""All workers of this gateway, and which of them takes the next call."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Sequence

import structlog

from gateway.errors import NoWorker
from gateway.link.link import WorkerLink
from gateway.link.processes import ChildProcess
from gateway.observe import metrics
from gateway.settings import WorkerSettings

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 5
"""Told to a caller who is refused because no worker is free."""


def worker_command(settings: WorkerSettings, arguments: Sequence[str] = ()) -> list[str]:
    """Program and arguments of a local worker.

    :param arguments: what `parley worker` needs to see the same settings as this process
    """
    return [sys.executable, "-m", "gateway.cli", "worker", "--listen", settings.listen, *arguments]


class WorkerPool:
    """Workers at configured addresses, and local processes.

    :param settings: how many local processes, which addresses
    :param command: program and arguments of a local worker
    """

    def __init__(self, settings: WorkerSettings, *, command: Sequence[str] | None = None) -> None:
        self._settings = settings
        self._links = [WorkerLink(address, address, capacity=settings.capacity) for address in settings.addresses]
        self._processes = [
            ChildProcess(name, command or worker_command(settings), self._local(name), restarts=metrics.WORKER_RESTARTS)
            for name in (f"worker-{number}" for number in range(1, settings.count + 1))
        ]
        self._turn = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def links(self) -> Sequence[WorkerLink]:
        """Every worker that is known now."""
        return tuple(self._links)

    @property
    def processes(self) -> Sequence[ChildProcess]:
        """The local ones."""
        return tuple(self._processes)

    @property
    def ready(self) -> bool:
        """Whether a worker could take a call."""
        return any(link.available for link in self._links)

    def start(self) -> None:
        """Attach to all, start the local ones."""
        self._tasks = [asyncio.create_task(link.run(), name=f"link {link.name}") for link in self._links]
        self._tasks += [asyncio.create_task(process.run(), name=process.name) for process in self._processes]
        for task in self._tasks:
            task.add_done_callback(_tell_fault)

    async def wait_ready(self, timeout: float) -> bool:
        """Wait until a worker could take a call; false when none could within `timeout` seconds, or none will."""
        try:
            async with asyncio.timeout(timeout):
                while not self.ready and not self.hopeless:  # noqa: ASYNC110  a changing list, asked once at start
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return False
        return self.ready

    @property
    def hopeless(self) -> bool:
        """Whether every worker is a local process that could not even start."""
        processes = self._processes
        return bool(processes) and not self._settings.addresses and all(process.stillborn for process in processes)

    def choose(self, tried: Collection[WorkerLink] = ()) -> WorkerLink:
        """The least loaded worker that is healthy, not draining and not in `tried`.

        :raises NoWorker: when none is left
        """
        candidates = [link for link in self._links if link.available and link not in tried]
        if not candidates:
            raise NoWorker("No worker takes the call.", retry_after=RETRY_AFTER_SECONDS)
        # Equal ones in turn, or the first would take all the calls of a quiet day.
        self._turn += 1
        turn = self._turn % len(candidates)
        return min(candidates[turn:] + candidates[:turn], key=lambda link: link.share)

    async def close(self) -> None:
        """Detach and end the local processes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _local(self, name: str) -> _LocalServe:
        return _LocalServe(self, name, self._settings.capacity)


class _LocalServe:
    """Keeps the link of a local worker for one life of its process."""

    def __init__(self, pool: WorkerPool, name: str, capacity: int) -> None:
        self._pool = pool
        self._name = name
        self._capacity = capacity

    async def __call__(self, address: str) -> None:
        link = WorkerLink(self._name, address, capacity=self._capacity)
        self._pool._links.append(link)
        try:
            await link.run()
        finally:
            self._pool._links.remove(link)


def _tell_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()):
        log.error("worker supervision ended", task=task.get_name(), exc_info=fault)
