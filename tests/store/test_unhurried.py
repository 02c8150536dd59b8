from __future__ import annotations

import asyncio

import pytest

from gateway.store.unhurried import to_its_end


async def test_work_that_began_comes_to_its_end_before_its_caller_is_cancelled() -> None:
    done = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.05)
        done.set()

    task = asyncio.create_task(to_its_end(work(), name="work"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done.is_set()


async def test_what_goes_wrong_in_the_work_is_told() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await to_its_end(work(), name="work")
