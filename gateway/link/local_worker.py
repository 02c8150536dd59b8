"""A worker process on this machine, and the stream to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from gateway.link.link import WorkerLink
from gateway.link.processes import STOP_SECONDS, ChildProcess
from gateway.link.pulse import Pulses
from gateway.observe import metrics

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.1
STANDSTILL_LOOKS = 50
"""One that stands still has 5 s more to come back by itself. Looks are counted, not time: when this process is held up,
so is the worker."""


class LocalWorker:
    """Kept running until it is retired or cancelled.

    `link` is None until a life of the process says where it serves.

    :param links: has the link of each life of the process, for as long as that lasts
    :param pulses: of the workers that it is judged against
    """

    def __init__(
        self, name: str, command: Sequence[str], capacity: int, links: list[WorkerLink], pulses: Pulses
    ) -> None:
        self.name = name
        self.process = ChildProcess(name, command, self._serve, restarts=metrics.WORKER_RESTARTS)
        self.link: WorkerLink | None = None
        self._capacity = capacity
        self._links = links
        self._pulses = pulses

    @property
    def draining(self) -> bool:
        """It says that it takes no more calls."""
        return self.link is not None and self.link.attached and self.link.load.draining

    async def run(self) -> None:
        """Until it is retired and has ended."""
        try:
            await self.process.run()
        finally:
            metrics.forget_worker(self.name)

    async def retire(self, seconds: float) -> None:
        """Let it drain, and start it no more.

        :param seconds: after which it is killed
        """
        self.process.retire()
        try:
            async with asyncio.timeout(seconds + STOP_SECONDS):
                await self.process.ended()
        except TimeoutError:
            self.process.kill()

    async def _serve(self, address: str) -> None:
        link = self.link = WorkerLink(self.name, address, capacity=self._capacity, pulses=self._pulses)
        self._links.append(link)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(link.run(), name=f"link {self.name}")
                tasks.create_task(self._end_standstill(link), name=f"standstill of {self.name}")
        finally:
            self._links.remove(link)
            self.link = None

    async def _end_standstill(self, link: WorkerLink) -> None:
        """Kill a process that stands still for long: it has no calls any more, and one in its place could take some."""
        looks = 0
        while looks < STANDSTILL_LOOKS:
            await asyncio.sleep(LOOK_SECONDS)
            looks = looks + 1 if link.stood_still else 0
        log.error("worker stands still and is killed", worker=str(link), pid=self.process.pid)
        self.process.kill()
