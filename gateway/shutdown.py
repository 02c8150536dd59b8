"""When to end: SIGTERM lets calls finish, a second signal or SIGINT (Ctrl-C) ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Iterator


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
