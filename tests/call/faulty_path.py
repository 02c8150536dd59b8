"""A path whose file does not take all that is written to it."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from pathlib import PosixPath
from typing import Any

FAULTS = ("", "short", "full", "torn and stuck")
"""What a write may meet: nothing; a part is taken, and the rest next time; a part is taken, then there is no room; and
so that this part cannot be taken away again."""


class FaultyPath(PosixPath):
    """`faults` are met one write after the other; then all goes well."""

    faults: Iterator[str]

    def meeting(self, faults: Iterator[str]) -> FaultyPath:
        self.faults = faults
        return self

    def open(self, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        opened: Any = super().open(mode, *arguments, **options)
        return _FaultyFile(opened, self) if "a" in mode else opened


class _FaultyFile:
    def __init__(self, file: io.FileIO, path: FaultyPath) -> None:
        self._file = file
        self._path = path
        self._stuck = False
        self._full = False

    def __enter__(self) -> _FaultyFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fileno(self) -> int:
        return self._file.fileno()

    def seek(self, *arguments: int) -> int:
        return self._file.seek(*arguments)

    def truncate(self, size: int) -> int:
        if self._stuck:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._file.truncate(size)

    def write(self, data: bytes) -> int:
        if self._full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fault = next(self._path.faults, "")
        self._stuck = fault == "torn and stuck"
        self._full = fault not in ("", "short")
        return self._file.write(data[: len(data) // 2] if fault else data)
