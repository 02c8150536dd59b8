"""Where peers are kept between runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def peers_folder() -> Path:
    """`peers` inside `PARLEY_CACHE_DIR`, or inside parley's folder of the user cache. Created when it is not there."""
    chosen = os.environ.get("PARLEY_CACHE_DIR")
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(chosen) if chosen else (Path(cache) if cache else Path.home() / ".cache") / "parley"
    folder = base / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Only one process at a time prepares the part `name`; others wait for it."""
    with (peers_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
