"""Compiles the programs of this folder: `load`, which makes calls, and `echo`, which answers them."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tests.peers.cache import exclusive, peers_folder
from tests.peers.missing import program
from tests.peers.process import PeerFailed

_FOLDER = Path(__file__).parent
_SOURCES = {
    "load": ("load.c", "calls.c", "sip.c", "wire.c", "figures.c"),
    "echo": ("echo.c", "sip.c", "wire.c"),
}
_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-format-truncation")


def compiled(name: str) -> Path:
    """The program, made anew when its source has changed.

    :raises PeerMissing: without a compiler
    :raises PeerFailed: when it does not compile
    """
    sources = [_FOLDER / source for source in _SOURCES[name]]
    known = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_FOLDER.glob("*.[ch]")))).hexdigest()[:12]
    made = peers_folder() / f"{name}-{known}"
    with exclusive("load"):
        if not made.exists():
            _compile(sources, made)
    return made


def _compile(sources: list[Path], made: Path) -> None:
    unfinished = made.with_suffix(".part")
    command = [program("gcc", "build-essential"), *_FLAGS, "-o", str(unfinished), *map(str, sources)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise PeerFailed(f"{made.name} does not compile:\n{found.stderr}")
    unfinished.rename(made)
