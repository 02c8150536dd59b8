"""Room on the disk that is kept for journals: a file that takes it up, and is given up when there is no other room."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path


class Reserve:
    """Used on the disk thread only.

    :param path: of the file
    :param size: bytes; with 0 nothing is kept free
    """

    def __init__(self, path: Path, size: int) -> None:
        self.held = False
        self._path = path
        self._size = size

    def hold(self) -> None:
        """Take the room, and see that the disk can be written.

        :raises OSError: it cannot be, or there would not be as much room left for others
        """
        with self._path.open("ab") as file:
            if not self.held and shutil.disk_usage(self._path.parent).free < 2 * self._size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            if self._size:
                os.posix_fallocate(file.fileno(), 0, self._size)
            os.utime(file.fileno())
            os.fsync(file.fileno())
        self.held = self._size > 0

    def give_up(self) -> bool:
        """Let others have the room; false when it was not held. :raises OSError: the disk does not do it"""
        if not self.held:
            return False
        self.held = False
        os.truncate(self._path, 0)
        return True
