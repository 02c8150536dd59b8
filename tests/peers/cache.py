"""Where peers are kept between runs."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.cache import cache_dir


def peers_folder() -> Path:
    """`peers` inside parley's cache. Created when it is not there."""
    folder = cache_dir() / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Only one process at a time prepares the part `name`; others wait for it."""
    with (peers_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
