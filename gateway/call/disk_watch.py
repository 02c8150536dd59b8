"""What is done about the disk: calls are told whether they are recorded, operators how it does, and new calls are
refused when no more can be kept in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from gateway.call.disk import DiskThread
from gateway.call.session import Call
from gateway.call.strain import Measure, Strain
from gateway.observe import metrics

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
STALLED_SECONDS = 2.0
"""A job that waits for the disk for this long is told."""


class DiskWatch:
    """:param calls: those that are live
    :param strain: is told what part of the memory for journals is in use
    :param memory: bytes of it
    """

    def __init__(self, disk: DiskThread, *, calls: Callable[[], Iterable[Call]], strain: Strain, memory: int) -> None:
        self._disk = disk
        self._calls = calls
        self._strain = strain
        self._memory = memory
        self._shortage = ""
        self._stalled = False

    @property
    def complaints(self) -> list[str]:
        """What is wrong with the disk, in sentences."""
        said = []
        if self._disk.failure:
            said.append(f"Journals wait in memory ({self._disk.unwritten} bytes): {self._disk.failure}.")
        if self._disk.shortage:
            said.append(f"Nothing is recorded: {self._disk.shortage}.")
        if self._disk.stalled_seconds >= STALLED_SECONDS:
            said.append(f"The disk has not answered for {self._disk.stalled_seconds:.0f} s.")
        return said

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self.look(asyncio.get_running_loop().time())
            await asyncio.sleep(LOOK_SECONDS)

    def look(self, now: float) -> None:
        """Measure, and tell what has changed. :param now: seconds of any steady clock"""
        disk = self._disk
        metrics.DISK_FAILING.set(bool(disk.failure))
        metrics.DISK_STALLED_SECONDS.set(disk.stalled_seconds)
        metrics.JOURNAL_BYTES_WAITING.set(disk.unwritten)
        metrics.RECORDINGS_STOPPED.set(bool(disk.shortage))
        values = {Measure.JOURNALS: disk.unwritten / self._memory}
        for measure, begins in self._strain.measured(values, now):
            log.warning("calls are refused" if begins else "calls are taken again", because=measure)
        self._tell_stall()
        if bool(disk.shortage) != bool(self._shortage):
            self._tell_calls(disk.shortage)
        self._shortage = disk.shortage

    def _tell_stall(self) -> None:
        stalled = self._disk.stalled_seconds >= STALLED_SECONDS
        if stalled != self._stalled:
            log.warning("the disk does not answer" if stalled else "the disk answers again")
        self._stalled = stalled

    def _tell_calls(self, shortage: str) -> None:
        note = {"event": "recording-stopped", "detail": shortage} if shortage else {"event": "recording-goes-on"}
        for call in self._calls():
            if call.books.recorder is not None:
                call.journal.append(call.now_ms, "note", note)
