"""The thread that writes files, so that neither the event loop nor the media waits for a disk.

What must not be lost, such as journals, is tried again until the disk takes it, and waits in memory. When there is no
room, the reserve is given up for it, and everything else, such as recordings, waits for better times: `room` says so.
"""

from __future__ import annotations

import asyncio
import errno
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import structlog

from gateway.call.reserve import Reserve

log = structlog.get_logger(__name__)

Job = Callable[[], object]

RETRY_SECONDS = 0.5
"""From one attempt to the next, while the disk does not take what must be kept."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_THE_DISK = _NO_ROOM | {errno.EROFS, errno.EIO}
"""Errors that other files would meet, too."""


class Disk(Protocol):
    """Where jobs that touch files go. They are done one after the other, in order."""

    @property
    def room(self) -> bool:
        """There is room for more than what must be kept."""

    def submit(self, job: Job) -> None:
        """Do it soon; a failure is logged."""

    def keep(self, job: Job) -> None:
        """Do it soon; what raises OSError is done again, after others, until it does not."""

    def waits(self, size: int) -> None:
        """So many bytes more wait in memory, until a job has written them. On the event loop's thread."""

    def wrote(self, size: int) -> None:
        """So many bytes fewer wait. On the disk's thread."""

    async def barrier(self) -> None:
        """Wait until all that was submitted before is done, or was tried."""


class DiskThread:
    """One daemon thread for all calls.

    :param reserve: of room for what must be kept
    """

    def __init__(self, reserve: Reserve | None = None) -> None:
        self.failure = ""
        """Why the disk does not take what must be kept; empty while it does."""
        self.shortage = ""
        """Why nothing else is written; empty while it is."""
        self._reserve = reserve
        self._jobs: queue.SimpleQueue[tuple[Job, bool] | None] = queue.SimpleQueue()
        self._again: deque[Job] = deque()
        self._again_at = 0.0
        self._begun: float | None = None
        self._waited = 0
        self._wrote = 0
        self._thread = threading.Thread(target=self._run, name="parley-disk", daemon=True)
        self._thread.start()

    def hold_reserve(self) -> None:
        """Take the room that is kept for what must not be lost."""
        if self._reserve is not None:
            self.submit(self._reserve.hold)

    @property
    def waiting(self) -> int:
        """Jobs that are not done."""
        return self._jobs.qsize()

    @property
    def unwritten(self) -> int:
        """Bytes in memory that must be kept."""
        return self._waited - self._wrote

    @property
    def room(self) -> bool:
        return not self.shortage

    @property
    def stalled_seconds(self) -> float:
        """For how long the job that is being done has waited for the disk."""
        begun = self._begun
        return time.monotonic() - begun if begun is not None else 0.0

    def submit(self, job: Job) -> None:
        """Do it soon; a failure is logged."""
        self._jobs.put((job, False))

    def keep(self, job: Job) -> None:
        """Do it soon; what raises OSError is done again, after others, until it does not."""
        self._jobs.put((job, True))

    def waits(self, size: int) -> None:
        """So many bytes more wait in memory."""
        self._waited += size

    def wrote(self, size: int) -> None:
        """So many bytes fewer wait."""
        self._wrote += size

    async def barrier(self) -> None:
        """Wait until all that was submitted before is done, or was tried."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self.submit(lambda: loop.call_soon_threadsafe(_resolve, done))
        await done

    def close(self, timeout: float = 5.0) -> None:
        """Do what waits, then end."""
        self._jobs.put(None)
        self._thread.join(timeout)

    # ------------------------------------------------------------ on the thread

    def _run(self) -> None:
        while (next_ := self._next()) is not None:
            self._do(*next_)
        self._try_again()
        if self._again:
            log.error("the disk never took what must be kept", jobs=len(self._again), bytes=self.unwritten)

    def _next(self) -> tuple[Job, bool] | None:
        """The next job; what failed is tried again in between."""
        while self._again or self.shortage:
            left = self._again_at - time.monotonic()
            if left <= 0:
                self._try_again()
                continue
            try:
                return self._jobs.get(timeout=left)
            except queue.Empty:
                continue
        return self._jobs.get()

    def _do(self, job: Job, kept: bool) -> bool:
        """Whether the disk took it."""
        self._begun = time.monotonic()
        try:
            job()
        except OSError as error:
            if kept and error.errno in _NO_ROOM and self._reserve is not None and self._given_up():
                return self._do(job, kept)
            self._failed(error, kept)
            if kept:
                self._again.append(job)
            return False
        except Exception:  # one file that cannot be written must not stop the others
            log.exception("disk job failed")
        finally:
            self._begun = None
        return True

    def _given_up(self) -> bool:
        assert self._reserve is not None
        try:
            given_up = self._reserve.give_up()
        except OSError:
            return False
        if given_up:
            log.error("the disk is full: its reserve is used for journals, and nothing is recorded")
            self._short(OSError(errno.ENOSPC, "the disk is full"))
        return given_up

    def _failed(self, error: OSError, kept: bool) -> None:
        if error.errno in _OF_THE_DISK:
            self._short(error)
        if not kept:
            log.error("disk job failed", error=str(error))
            return
        if not self.failure:
            log.error("the disk does not take journals, which wait in memory", error=str(error))
        self.failure = _said(error)
        self._again_at = time.monotonic() + RETRY_SECONDS

    def _short(self, error: OSError) -> None:
        if not self.shortage:
            log.error("nothing is recorded while the disk takes no files", error=str(error))
            self._again_at = time.monotonic() + RETRY_SECONDS
        self.shortage = _said(error)

    def _try_again(self) -> None:
        self._again_at = time.monotonic() + RETRY_SECONDS
        jobs, self._again = self._again, deque()
        while jobs:
            if not self._do(jobs.popleft(), kept=True):
                self._again.extend(jobs)
                return
        if self.failure:
            self.failure = ""
            log.warning("the disk takes journals again")
        if self.shortage and self._has_room():
            self.shortage = ""
            log.warning("the disk takes files again")

    def _has_room(self) -> bool:
        if self._reserve is None:
            return True
        self._begun = time.monotonic()
        try:
            self._reserve.hold()
        except OSError:
            return False
        finally:
            self._begun = None
        return True


def _said(error: OSError) -> str:
    return error.strerror or str(error)


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
