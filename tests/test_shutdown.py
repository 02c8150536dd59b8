"""What signals ask for."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from gateway.shutdown import OVERDUE_STATUS, Overdue, Shutdown, unless


async def test_the_first_sigterm_lets_calls_finish_and_the_second_does_not() -> None:
    shutdown = Shutdown()
    with shutdown.on_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(shutdown.asked.wait(), 1)
        assert not shutdown.at_once.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(shutdown.at_once.wait(), 1)


async def test_sigint_ends_at_once() -> None:
    shutdown = Shutdown()
    with shutdown.on_signals():
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(shutdown.at_once.wait(), 1)
    assert shutdown.asked.is_set()


async def test_work_that_finishes_is_finished() -> None:
    assert await unless(asyncio.Event(), asyncio.sleep(0))


async def test_work_is_cancelled_when_the_event_comes_first() -> None:
    event, cleaned = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            event.set()
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    assert not await unless(event, work())
    assert cleaned.is_set()


async def test_an_error_of_the_work_comes_through() -> None:
    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await unless(asyncio.Event(), work())


async def test_an_outer_cancellation_cancels_the_work_too() -> None:
    started, cleaned = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    outer = asyncio.create_task(unless(asyncio.Event(), work()))
    await started.wait()
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert cleaned.is_set()


def test_a_process_that_does_not_end_in_time_is_ended_although_its_loop_hangs() -> None:
    ended, statuses = threading.Event(), []

    def end(status: int) -> None:
        statuses.append(status)
        ended.set()

    overdue = Overdue(end)
    overdue.after(600)
    overdue.after(0.01)
    assert ended.wait(30)
    assert statuses == [OVERDUE_STATUS]


def test_a_process_that_ended_in_time_is_left_alone() -> None:
    ended = threading.Event()
    overdue = Overdue(lambda _: ended.set())
    overdue.after(0.05)
    overdue.never()
    assert not ended.wait(0.2)
