"""A text file of a running call that grows line by line, written on the disk thread."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from gateway.call.disk import Disk


class Lines:
    """`append` returns at once; `durable` waits until the disk has it. The file is made by the first line."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self.any = False
        """Something was appended."""
        self._disk = disk
        self._unwritten: deque[bytes] = deque()
        self._scheduled = False

    def append(self, lines: bytes) -> None:
        """Add whole lines, with their line breaks."""
        self.any = True
        self._unwritten.append(lines)
        if not self._scheduled:
            self._scheduled = True
            self._disk.submit(self._write)

    async def durable(self) -> None:
        """Wait until what was appended is in the file, where a crash of this process cannot lose it."""
        if self._scheduled or self._unwritten:
            await self._disk.barrier()

    def _write(self) -> None:
        """On the disk thread: all lines that wait, in one write."""
        # Cleared first: a line that is appended from here on brings a job of its own.
        self._scheduled = False
        lines = []
        while self._unwritten:
            lines.append(self._unwritten.popleft())
        if lines:
            with self.path.open("ab", buffering=0) as file:
                file.write(b"".join(lines))
