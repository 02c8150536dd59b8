"""A small disk that can be full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import SetupError

MEGABYTES = 64
_PIECE = 1 << 16


class SmallDisk:
    """Mounted at `folder`."""

    def __init__(self, folder: Path) -> None:
        self._filling = folder / "filling"

    def fill(self) -> None:
        """Leave no room."""
        with self._filling.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(_PIECE)):
                    pass
            except OSError:
                return

    def empty(self) -> None:
        self._filling.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A tmpfs.

    :raises SetupError: this system does not let us mount
    """
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  the command is our own
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"A full disk needs a disk of its own, and {command[0]} is not allowed here: {error}"
        ) from error
