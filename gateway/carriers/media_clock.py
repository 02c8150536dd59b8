"""The 20 ms clock of legs that bring none: one task ticks them all.

Their sockets buffer, so a late tick is made up for and heard by nobody; SIP legs have a clock in C for that reason.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from gateway.media.audio import FRAME_MS

log = structlog.get_logger(__name__)

_FRAME_SECONDS = FRAME_MS / 1000


class Ticking(Protocol):
    """A leg that the clock drives."""

    def tick(self) -> None:
        """20 ms have passed."""


class MediaClock:
    """Runs while it has legs."""

    def __init__(self) -> None:
        self._legs: dict[Ticking, float] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, leg: Ticking) -> None:
        """Tick it from now on."""
        self._legs[leg] = asyncio.get_running_loop().time()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="media clock of sockets")

    def remove(self, leg: Ticking) -> None:
        """Tick it no more; harmless when it is not there."""
        self._legs.pop(leg, None)

    async def close(self) -> None:
        """Stop."""
        self._legs.clear()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._legs:
            for leg, last in list(self._legs.items()):
                while last + _FRAME_SECONDS <= loop.time() and leg in self._legs:
                    last += _FRAME_SECONDS
                    self._legs[leg] = last
                    _tick(leg)
            if self._legs:
                await asyncio.sleep(max(0.0, min(self._legs.values()) + _FRAME_SECONDS - loop.time()))
        self._task = None


def _tick(leg: Ticking) -> None:
    try:
        leg.tick()
    except Exception:  # border: the other legs' clock goes on
        log.exception("tick of a leg failed")
