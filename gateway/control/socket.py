"""The control socket: a Unix socket in the data directory that its owner alone may use."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import SetupError

LONGEST_PATH = 107
"""Bytes of a Unix socket's path (unix(7))."""


def control_path(data_dir: Path) -> Path:
    """Where the gateway of a data directory is controlled."""
    return data_dir / "control.sock"


@contextmanager
def control_listener(data_dir: Path) -> Iterator[socket.socket]:
    """The socket, listening; its file is gone when the block ends.

    :raises SetupError: when another gateway uses the directory, or the socket cannot be made
    """
    path = control_path(data_dir)
    if len(bytes(path)) > LONGEST_PATH:
        raise SetupError(f"{path} is too long for a socket; choose a data_dir with a shorter path.")
    if _answers(path):
        raise SetupError(f"Another gateway uses {data_dir}; end it, or give this one another data_dir.")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _listen(listener, path)
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)


def _listen(listener: socket.socket, path: Path) -> None:
    """Nobody can connect before `listen`, and by then the file is the owner's alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(100)
    except OSError as error:
        raise SetupError(f"The control socket {path} cannot be made: {error.strerror or error}.") from error


def _answers(path: Path) -> bool:
    """A gateway listens there; a file that one left behind does not."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
