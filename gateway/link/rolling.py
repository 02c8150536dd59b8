"""A restart of all local workers, one after the other, as those see it who follow it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from gateway.errors import LinkError
from gateway.link.local_worker import LocalWorker


class Replaceable(Protocol):
    """The part of `WorkerPool` that restarts workers."""

    @property
    def local(self) -> list[LocalWorker]:
        """The local ones."""

    async def replace(self, old: LocalWorker) -> LocalWorker:
        """:raises LinkError: the new one is not ready in time; the old one goes on"""


class RollingRestart:
    """Iterating gives a sentence for each step, those to come as they come, and ends with the restart."""

    def __init__(self, pool: Replaceable) -> None:
        self._pool = pool
        self._lines: list[str] = []
        self._changed = asyncio.Event()
        self.over = False
        self.complete = False
        """Every worker was replaced."""

    async def run(self) -> None:
        """Replace each; the first that cannot be replaced ends it."""
        try:
            for old in list(self._pool.local):
                if not old.process.retiring:
                    self._tell(f"{old.name} (pid {old.process.pid}): a new process is started")
                    new = await self._pool.replace(old)
                    self._tell(f"{old.name} has ended, {new.name} (pid {new.process.pid}) has its calls")
            self.complete = True
        except LinkError as error:
            self._tell(str(error))
        finally:
            self.over = True
            self._tell("done" if self.complete else "stopped: the workers that were not named go on as they are")

    def _tell(self, line: str) -> None:
        self._lines.append(line)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def __aiter__(self) -> AsyncIterator[str]:
        seen = 0
        while True:
            changed = self._changed
            for line in self._lines[seen:]:
                yield line
            seen = len(self._lines)
            if self.over:
                return
            await changed.wait()
