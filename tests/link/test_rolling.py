"""Workers that drain: their calls are asked for, and local ones are replaced."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from gateway.errors import LinkError
from gateway.link.pool import WorkerPool
from gateway.link.worker_state import WorkerState
from gateway.settings import WorkerSettings
from tests.link.test_link import Listener
from tests.link.test_processes import WORKER, alive, local_pool
from tests.link.worker_double import WorkerDouble, serving, until


async def test_calls_of_a_draining_worker_are_asked_for_as_far_as_others_have_places() -> None:
    async with serving(WorkerDouble()) as old, serving(WorkerDouble(capacity=1)) as other:
        pool = WorkerPool(WorkerSettings(count=0, addresses=[old.address, other.address]))
        pool.start()
        await until(lambda: all(link.attached for link in pool.links))
        link = next(link for link in pool.links if link.address == old.address)
        calls = [link.open(Listener()) for _ in range(3)]
        for call in calls[1:]:
            call.movable = True
        old.report_load(draining=True)
        await until(lambda: old.got("give_back"))
        assert [event.call for event in old.got("give_back")] == [calls[1].number], "the other has one place"
        other.report_load(capacity=10)
        await until(lambda: len(old.got("give_back")) == 2)
        assert not calls[0].asked_back, "nobody could go on with this one"
        await pool.close()


async def test_without_another_worker_a_draining_one_keeps_its_calls() -> None:
    async with serving(WorkerDouble()) as only:
        pool = WorkerPool(WorkerSettings(count=0, addresses=[only.address]))
        pool.start()
        assert await pool.wait_ready(20)
        call = pool.choose().open(Listener())
        call.movable = True
        only.report_load(draining=True)
        await until(lambda: pool.status()[0].state is WorkerState.DRAINING)
        pool._ask_back()
        assert not call.asked_back
        await pool.close()


async def test_a_restart_replaces_one_worker_after_the_other() -> None:
    async with local_pool(count=2) as pool:
        await until(lambda: len(pool.links) == 2 and all(link.attached for link in pool.links))
        before = [process.pid for process in pool.processes]
        restart = pool.restart()
        with pytest.raises(LinkError, match="already"):
            pool.restart()
        texts = []
        async for text in restart:
            texts.append(text)
            assert sum(status.state is WorkerState.READY for status in pool.status()) >= 2
        assert (restart.complete, texts[-1]) == (True, "done")
        after = [process.pid for process in pool.processes]
        assert not set(before) & set(after)
        assert [alive(pid) for pid in [*before, *after] if pid] == [False, False, True, True]
        assert [status.name for status in pool.status()] == ["worker-3", "worker-1"]


async def test_a_restart_ends_when_a_new_process_cannot_start(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    script = f"import os, sys; os.path.exists({str(broken)!r}) and sys.exit(3); os.execv(sys.executable, {WORKER!r})"
    pool = WorkerPool(WorkerSettings(count=1), command=[sys.executable, "-c", script])
    pool.start()
    try:
        assert await pool.wait_ready(20)
        (process,) = pool.processes
        broken.touch()
        restart = pool.restart()
        texts = [text async for text in restart]
        assert not restart.complete
        assert "worker-2 does not get ready" in texts[-2]
        assert (pool.processes, pool.ready) == ((process,), True)
    finally:
        await pool.close()


async def test_a_local_worker_that_drains_by_itself_is_replaced() -> None:
    async with local_pool("draining") as pool:
        assert await pool.wait_ready(20)
        (old,) = pool.processes
        assert old.pid
        os.kill(old.pid, signal.SIGTERM)
        await until(
            lambda: [status.state for status in pool.status()] == [WorkerState.READY] and pool.processes != (old,)
        )
        assert old.pid is None


async def test_a_worker_elsewhere_is_asked_to_drain_by_its_address() -> None:
    async with serving(WorkerDouble()) as worker:
        pool = WorkerPool(WorkerSettings(count=0, addresses=[worker.address]))
        pool.start()
        assert await pool.wait_ready(20)
        await pool.drain(worker.address)
        await until(lambda: not pool.ready)
        with pytest.raises(LinkError, match="There is no worker nobody; there is 127"):
            await pool.drain("nobody")
        with pytest.raises(LinkError, match="no local worker"):
            pool.restart()
        await pool.close()
