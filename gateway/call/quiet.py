"""Waiting until all that was queued for a far end was sent, and had time to be heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

QUIET_FRAMES = 10
"""Frames after the last sample before the call counts as played out: the far end's jitter buffer is still speaking."""


class Quiet:
    """:param idle: whether nothing is queued"""

    def __init__(self, idle: Callable[[], bool]) -> None:
        self._idle = idle
        self._frames = 0
        self.waiters: list[asyncio.Future[None]] = []
        """Those who wait: without any, no tick has to be told."""

    async def wait(self) -> None:
        """Wait for it."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._frames = 0
        self.waiters.append(waiter)
        await waiter

    def tick(self) -> None:
        """On each media tick."""
        if not self.waiters:
            return
        self._frames = self._frames + 1 if self._idle() else 0
        if self._frames >= QUIET_FRAMES:
            waiters, self.waiters = self.waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
