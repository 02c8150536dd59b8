"""The api as a child process of `parley serve`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import Protocol

from gateway.api.announcement import Announcement, AnnouncementReader
from gateway.link.processes import ChildProcess
from gateway.observe import metrics

_LOOK_SECONDS = 0.1


class Attachment(Protocol):
    """The part of `PlaneAttachment` that a child needs."""

    async def run(self, address: str) -> None:
        """Attach to the link at `address`, again and again, until cancelled."""


class LocalApi:
    """Started, watched and started again; the gateway attaches to each life of it.

    :param arguments: what `parley api` needs to see the same settings as this process
    """

    def __init__(self, arguments: Sequence[str], attachment: Attachment) -> None:
        self._attachment = attachment
        self._reader = AnnouncementReader()
        self._ready = asyncio.Event()
        command = [sys.executable, "-m", "gateway.cli", "api", *arguments]
        self._process = ChildProcess("api", command, self._serve, restarts=metrics.API_RESTARTS, heard=self._reader)

    @property
    def announced(self) -> Announcement | None:
        """What it said when it began to serve; None before."""
        return self._reader.announced

    async def run(self) -> None:
        """Keep it running until cancelled, then end it."""
        await self._process.run()

    async def wait_ready(self, timeout: float) -> bool:
        """Whether it serves within `timeout` seconds; false at once when it ended before it did."""
        try:
            async with asyncio.timeout(timeout):
                while not self._ready.is_set() and not self._process.stillborn:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._ready.wait(), _LOOK_SECONDS)
        except TimeoutError:
            pass
        return self._ready.is_set()

    async def _serve(self, address: str) -> None:
        self._ready.set()
        await self._attachment.run(address)
