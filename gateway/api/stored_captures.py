"""The capture of a call as it is sent: plain, whether or not it is sealed on the disk."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK_BYTES = 1 << 17


@dataclass(frozen=True, slots=True)
class StoredCapture:
    """A file that can be opened and read anywhere; `size` in bytes."""

    opened: Callable[[], BinaryIO]
    size: int

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """From byte `start` to before byte `end`."""
        with self.opened() as file:
            file.seek(start)
            while start < end and (data := file.read(min(_CHUNK_BYTES, end - start))):
                start += len(data)
                yield data

    def whole(self) -> bytes:
        """All of it."""
        return b"".join(self.read(0, self.size))


def read_capture(opened: Callable[[], BinaryIO]) -> StoredCapture | None:
    """The capture in a file; None when there is none."""
    try:
        with opened() as file:
            return StoredCapture(opened, file.seek(0, io.SEEK_END))
    except FileNotFoundError:
        return None
