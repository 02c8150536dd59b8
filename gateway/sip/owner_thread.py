"""The one thread that owns a library: everything of it is made, used and destroyed there.

pjsua2 objects must not be touched, nor collected, by another thread. Commands are functions, run in order between two
polls of the library; their results come back as futures. A command must not return an object of the library.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import structlog

from gateway.errors import LegError

log = structlog.get_logger(__name__)

T = TypeVar("T")


class OwnerThread:
    """Runs `poll` again and again, and commands between two polls.

    :param poll: one look at the library, bounded: a command waits as long as it takes
    :param wake: ends a poll that waits; for any thread
    """

    def __init__(self, *, name: str, poll: Callable[[], None], wake: Callable[[], None] = lambda: None) -> None:
        self._poll = poll
        self._wake = wake
        self._woken = False
        self._commands: deque[Callable[[], object]] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.heartbeat_ns = time.monotonic_ns()
        """CLOCK_MONOTONIC of the last turn of the loop: a watchdog compares it."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Run what is queued, then end; True when the thread has ended within `timeout` seconds."""
        self._stopping.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def is_current(self) -> bool:
        """Whether the caller is on this thread."""
        return threading.current_thread() is self._thread

    def post(self, command: Callable[[], object]) -> None:
        """Queue a command whose result nobody awaits; an exception of it is logged."""
        self._put(lambda: _logged(command))

    def submit(self, command: Callable[[], T]) -> Future[T]:
        """Queue a command; its result or exception comes by the future.

        :raises LegError: when the thread has ended
        """
        if not self._thread.is_alive():
            raise LegError("The SIP endpoint is not running.")
        future: Future[T] = Future()
        self._put(lambda: _fulfil(future, command))
        return future

    async def run(self, command: Callable[[], T], *, timeout: float) -> T:
        """Await a command.

        :raises TimeoutError: when it has not run within `timeout` seconds
        """
        async with asyncio.timeout(timeout):
            return await asyncio.wrap_future(self.submit(command))

    def _put(self, command: Callable[[], object]) -> None:
        self._commands.append(command)
        # once for all commands of one turn, and never by this thread itself: it looks before it polls
        if not self._woken and not self.is_current:
            self._woken = True
            self._wake()

    def _run(self) -> None:
        while not self._stopping.is_set() or self._commands:
            self.heartbeat_ns = time.monotonic_ns()
            self._drain()
            if not self._stopping.is_set():
                _logged(self._poll)

    def _drain(self) -> None:
        # before the look: what comes after it wakes the poll
        self._woken = False
        # only what is there now: a command that posts another must not starve the poll
        for _ in range(len(self._commands)):
            self._commands.popleft()()


def _fulfil(future: Future[T], command: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = command()
    except BaseException as error:  # noqa: BLE001  handed to who awaits it
        _drop_frames(error)
        future.set_exception(error)
    else:
        future.set_result(result)


def _drop_frames(error: BaseException) -> None:
    """Frames hold objects of the library, which would then be collected by whichever thread drops the error."""
    chained: BaseException | None = error
    while chained is not None:
        chained.__traceback__ = None
        chained = chained.__cause__ or chained.__context__


def _logged(command: Callable[[], object]) -> None:
    try:
        command()
    except Exception:
        log.exception("sip.owner.command_failed")
