"""A text file of a running call that grows line by line, written on the disk thread."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from pathlib import Path
from typing import BinaryIO

import structlog

from gateway.call.disk import Disk

log = structlog.get_logger(__name__)

DURABLE_SECONDS = 2.0
"""A call waits no longer for the disk: then its lines wait in memory, as those of a disk that takes none."""


class Lines:
    """`append` returns at once; `durable` waits until the disk has it. The file is made by the first line.

    What was written survives the end of this process; what `durable` waited for survives that of the machine, too.

    :param kept: lines are kept in memory until the disk takes them; else they are left out while there is no room
    """

    def __init__(self, path: Path, disk: Disk, *, kept: bool = True) -> None:
        self.path = path
        self.any = False
        """Something was appended."""
        self._disk = disk
        self._kept = kept
        self._unwritten: deque[bytes] = deque()
        self._writing = b""
        """Taken from `unwritten`, and not in the file yet."""
        self._scheduled = False
        self._wanted_durable = False
        self._appended = 0
        self._taken = 0
        """Of what was appended; on the disk's thread."""
        self._durable = 0
        """Of what was taken: on the disk."""
        self._cut = False
        """The file ends in a part of a line that could not be taken away."""
        self._named = False
        """The file's name is on the disk."""

    def append(self, lines: bytes) -> None:
        """Add whole lines, with their line breaks."""
        if not (self._kept or self._disk.room):
            return
        self.any = True
        self._unwritten.append(lines)
        self._appended += 1
        if self._kept:
            self._disk.waits(len(lines))
        self._schedule()

    async def durable(self) -> bool:
        """Wait until what was appended is on the disk, where nothing but the loss of the disk can lose it; false where
        it waits in memory, because the disk is too slow or takes nothing."""
        if not self.any:
            return True
        wanted = self._appended
        self._wanted_durable = True
        self._schedule()
        try:
            async with asyncio.timeout(DURABLE_SECONDS):
                await self._disk.barrier()
        except TimeoutError:
            log.warning("the disk is slow: a call goes on without waiting for it", path=str(self.path))
        return self._durable >= wanted

    def flush(self) -> None:
        """On the disk thread: write all lines that wait, in one write. :raises OSError: the disk does not take them"""
        # Cleared first: a line that is appended from here on brings a job of its own.
        self._scheduled = False
        wanted_durable, self._wanted_durable = self._wanted_durable, False
        lines = [self._writing]
        while self._unwritten:
            lines.append(self._unwritten.popleft())
            self._taken += 1
        self._writing = b"".join(lines)
        if not (self._writing or wanted_durable):
            return
        try:
            with self.path.open("ab", buffering=0) as file:
                self._write(file)
                if wanted_durable:
                    os.fdatasync(file.fileno())
            if wanted_durable and not self._named:
                _sync_folder(self.path.parent)
                self._named = True
            if wanted_durable:
                self._durable = self._taken
        except OSError:
            self._wanted_durable |= wanted_durable
            self._failed()
            raise

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            (self._disk.keep if self._kept else self._disk.submit)(self.flush)

    def _write(self, file: BinaryIO) -> None:
        before = file.seek(0, os.SEEK_END)
        data = (b"\n" if self._cut else b"") + self._writing
        at = 0
        try:
            while at < len(data):
                at += file.write(data[at:])
        except OSError:
            if at:
                self._take_back(file, before)
            raise
        self._cut = False
        if self._kept:
            self._disk.wrote(len(self._writing))
        self._writing = b""

    def _failed(self) -> None:
        if self._kept:
            self._scheduled = True  # by the disk, which does this again
        else:
            self._writing = b""

    def _take_back(self, file: BinaryIO, size: int) -> None:
        try:
            file.truncate(size)
        except OSError:
            self._cut = True


def _sync_folder(folder: Path) -> None:
    """A new file has its name for good."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
