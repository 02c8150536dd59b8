"""When to end: SIGTERM lets calls finish, a second signal or SIGINT (Ctrl-C) ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import NoReturn

import structlog

log = structlog.get_logger(__name__)

OVERDUE_STATUS = 1
"""Exit status of a process that could not end in good order."""


class Shutdown:
    """What the signals so far ask for."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        """Set by the first signal."""
        self.at_once = asyncio.Event()
        """Set when calls shall not be waited for."""

    def terminate(self) -> None:
        """SIGTERM."""
        if self.asked.is_set():
            self.at_once.set()
        self.asked.set()

    def interrupt(self) -> None:
        """SIGINT."""
        self.asked.set()
        self.at_once.set()

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take the signals of the running loop's process while the block runs."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.terminate)
        loop.add_signal_handler(signal.SIGINT, self.interrupt)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_signal_handler(signal.SIGINT)


class Overdue:
    """Ends the process when its end takes too long, whatever hangs: what calls need is on the disk, and the next start
    makes their records. A thread of its own, because the event loop may be what hangs.

    :param end: ends the process, given its exit status
    """

    def __init__(self, end: Callable[[int], object] = os._exit) -> None:
        self._end = end
        self._timer: threading.Timer | None = None

    def after(self, seconds: float) -> None:
        """From now on; in place of what was said before."""
        self.never()
        self._timer = threading.Timer(seconds, self._give_up, (seconds,))
        self._timer.daemon = True
        self._timer.start()

    def never(self) -> None:
        """It has ended in time."""
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self, seconds: float) -> None:
        log.error("the process does not end in good order, and is ended", seconds=seconds)
        logging.shutdown()
        self._end(OVERDUE_STATUS)


def leave(status: int) -> NoReturn:
    """End the process now that everything is closed: to take models and stacks apart once more would cost a second of a
    core, and more where many processes end."""
    sys.stdout.flush()
    sys.stderr.flush()
    logging.shutdown()
    os._exit(status)


async def unless(event: asyncio.Event, work: Awaitable[None]) -> bool:
    """Do `work`, and cancel it when `event` is set first.

    :returns: whether the work was finished
    """
    task = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        finished = task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return finished
