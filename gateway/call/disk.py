"""The thread that writes files, so that neither the event loop nor the media waits for a disk."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

Job = Callable[[], object]


class Disk(Protocol):
    """Where jobs that touch files go. They are done one after the other, in order."""

    def submit(self, job: Job) -> None:
        """Do it soon; a failure is logged."""

    async def barrier(self) -> None:
        """Wait until all that was submitted before is done."""


class DiskThread:
    """One daemon thread for all calls."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="parley-disk", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that are not done."""
        return self._jobs.qsize()

    def submit(self, job: Job) -> None:
        """Do it soon; a failure is logged."""
        self._jobs.put(job)

    async def barrier(self) -> None:
        """Wait until all that was submitted before is done."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self.submit(lambda: loop.call_soon_threadsafe(_resolve, done))
        await done

    def close(self, timeout: float = 5.0) -> None:
        """Do what waits, then end."""
        self._jobs.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # one file that cannot be written must not stop the others
                log.exception("disk job failed")


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
