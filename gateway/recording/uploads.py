"""Recordings on their way to their storage. What waits is a file each, so a restart loses nothing."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from gateway.recording.storage import Storage

log = structlog.get_logger(__name__)

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 600.0
LOOK_SECONDS = 60.0
"""A file that somebody put into the folder by hand is found by then."""


def wait_seconds(failures: int) -> float:
    """After so many failures in a row: 2 s, 4 s, 8 s … at most ten minutes."""
    return min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 20))


class Uploads:
    """Uploads one file after the other, oldest first. One that fails goes behind the others, so that a file which the
    storage does not take stops nobody; while the storage is away, all wait.

    :param directory: what waits, a file of JSON for each file
    :param keep_local: the file stays here, too
    :param wait: how long to wait after so many failures, s
    """

    def __init__(
        self,
        directory: Path,
        storage: Storage,
        *,
        keep_local: bool,
        wait: Callable[[int], float] = wait_seconds,
    ) -> None:
        self._directory = directory
        self._storage = storage
        self._keep_local = keep_local
        self._wait = wait
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, name: str, file: Path) -> None:
        """Upload a file that is complete, under a name that no other one waits by. It waits on disk when this returns.
        Called on the disk thread.

        :raises OSError: the disk does not take it
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{name}.json"
        unfinished = path.with_suffix(".part")
        with unfinished.open("w", encoding="utf-8") as out:
            json.dump({"file": str(file.absolute())}, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(unfinished, path)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    @property
    def waiting(self) -> list[Path]:
        """What is not uploaded yet, oldest first."""
        found = [(path.stat().st_mtime_ns, path) for path in self._directory.glob("*.json")]
        return [path for _, path in sorted(found)]

    async def run(self) -> None:
        """Upload until cancelled."""
        self._loop = asyncio.get_running_loop()
        failures = 0
        while True:
            self._wake.clear()
            for path in await asyncio.to_thread(lambda: self.waiting):
                if await asyncio.to_thread(self._upload, path):
                    failures = 0
                    continue
                failures += 1
                await asyncio.sleep(self._wait(failures))
                self._wake.set()
                break
            await self._until_something_waits()

    async def _until_something_waits(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    @property
    def files(self) -> set[Path]:
        """The recordings that wait."""
        found = set()
        for path in self.waiting:
            with suppress(OSError, ValueError, KeyError):
                found.add(_recording(path))
        return found

    def _upload(self, path: Path) -> bool:
        """Whether it is done, or can never be."""
        try:
            return self._uploaded(path)
        except OSError as error:
            log.warning("upload not done", path=str(path), error=str(error))
            return False

    def _uploaded(self, path: Path) -> bool:
        """:raises OSError: our own disk does not take part"""
        try:
            file = _recording(path)
        except (ValueError, KeyError) as error:
            log.error("upload cannot be read", path=str(path), error=str(error))
            path.rename(path.with_suffix(".bad"))
            return True
        if not file.exists():
            log.warning("recording is gone before its upload", file=str(file))
            path.unlink()
            return True
        try:
            self._storage.put(file, file.name)
        except Exception as error:  # noqa: BLE001  border: every storage raises errors of its own
            log.warning("recording not uploaded", file=file.name, error=str(error) or type(error).__name__)
            os.utime(path)
            return False
        if not self._keep_local:
            file.unlink()
        path.unlink()
        log.info("recording uploaded", file=file.name)
        return True


def _recording(path: Path) -> Path:
    """:raises OSError, ValueError, KeyError: the file of what waits cannot be read, or says nothing of the kind"""
    return Path(json.loads(path.read_text(encoding="utf-8"))["file"])
