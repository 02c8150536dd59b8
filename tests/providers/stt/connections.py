"""What tests do with connections of streaming recognisers."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog

from gateway.media.audio import FRAME_BYTES
from gateway.observe.logging import configure
from gateway.providers.stt.connection import Recognised, RecogniserConnection, StreamingRecogniser
from gateway.settings import LogSettings
from tests.providers.emulators.emulator import Emulator, running

SECONDS = 5.0
"""What a test waits for at most."""


@asynccontextmanager
async def connected(emulator: Emulator, make: Callable[[], StreamingRecogniser]) -> AsyncIterator[RecogniserConnection]:
    """A connection to the emulator. Afterwards neither a task nor a socket is left."""
    before = tasks()
    async with running(emulator):
        connection = await asyncio.wait_for(make().connect(), SECONDS)
        try:
            yield connection
        finally:
            await asyncio.wait_for(connection.close(), SECONDS)
        await eventually(lambda: emulator.open == 0)
    await eventually(lambda: tasks() <= before)


def tasks() -> set[asyncio.Task[object]]:
    """All but those in which an emulator serves a request: it may hang as long as it likes."""
    return {task for task in asyncio.all_tasks() if "run_asgi" not in repr(task.get_coro())}


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """What is logged at debug, as the product logs it."""
    root, log = logging.getLogger(), io.StringIO()
    level, handlers = root.level, root.handlers[:]
    configure(LogSettings(level="debug"), stream=log)
    try:
        yield log
        root.debug("the log works")
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        structlog.reset_defaults()
    assert "the log works" in log.getvalue()


async def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(SECONDS):
        while not is_so():  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.005)


async def say(connection: RecogniserConnection, pcm: bytes) -> None:
    """Send audio in frames of 20 ms."""
    for at in range(0, len(pcm), FRAME_BYTES):
        await connection.send(pcm[at : at + FRAME_BYTES])


async def until_flushed(connection: RecogniserConnection) -> list[Recognised]:
    """Ask for all that was said, and what comes until it is told."""
    await connection.flush()
    return await until(connection, lambda result: result.flushed)


async def until(connection: RecogniserConnection, wanted: Callable[[Recognised], bool]) -> list[Recognised]:
    """What comes, up to the first that is wanted."""
    results = []
    async with asyncio.timeout(SECONDS):
        async for result in connection:
            results.append(result)
            if wanted(result):
                break
    return results


def finals(results: list[Recognised]) -> list[str]:
    """The texts that will not change."""
    return [result.text for result in results if result.final and result.text]
