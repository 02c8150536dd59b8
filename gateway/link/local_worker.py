"""A worker process on this machine, and the stream to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.link.link import WorkerLink
from gateway.link.processes import STOP_SECONDS, ChildProcess
from gateway.link.pulse import Pulses
from gateway.observe import metrics


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
            await link.run()
        finally:
            self._links.remove(link)
            self.link = None
