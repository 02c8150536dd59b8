"""Supervised worker processes: real ones."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.link import local_worker
from gateway.link.pool import WorkerPool
from gateway.link.processes import announced_address
from gateway.link.worker_state import WorkerState
from gateway.settings import WorkerSettings
from tests.link.test_link import Listener
from tests.link.worker_double import until

WORKER = [sys.executable, "-m", "tests.link.child_worker"]


@asynccontextmanager
async def local_pool(*arguments: str, count: int = 1) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(WorkerSettings(count=count), command=[*WORKER, *arguments])
    pool.start()
    try:
        yield pool
    finally:
        await pool.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("parley worker ready 127.0.0.1:40001", "127.0.0.1:40001"),
        ("parley worker ready [::1]:40001", "[::1]:40001"),
        ('{"event": "ready", "address": "127.0.0.1:5"}', "127.0.0.1:5"),
        ('{"event": "loading"}', None),
        ("loading models", None),
        ("42", None),
        ("", None),
    ],
)
def test_the_address_is_found_in_what_a_worker_prints(line: str, address: str | None) -> None:
    assert announced_address(line) == address


async def test_local_workers_are_started_and_attached_and_end_with_the_pool() -> None:
    async with local_pool(count=2) as pool:
        await until(lambda: len(pool.links) == 2 and all(link.attached for link in pool.links), 20)
        pids = [process.pid for process in pool.processes]
        assert {link.name for link in pool.links} == {"worker-1", "worker-2"}
    assert not any(alive(pid) for pid in pids if pid)
    assert pool.links == ()


@pytest.mark.parametrize("mode", ["plain", "parent"])
async def test_a_worker_that_is_killed_loses_its_calls_and_is_started_again(mode: str) -> None:
    async with local_pool(mode) as pool:
        assert await pool.wait_ready(20)
        listener = Listener()
        pool.choose().open(listener)
        first = pool.processes[0].pid
        assert first
        os.kill(first, signal.SIGKILL)
        await until(lambda: listener.lost)
        assert await pool.wait_ready(20)
        assert pool.processes[0].pid != first
        assert len(pool.links) == 1


async def test_a_worker_that_cannot_start_is_tried_again_and_again() -> None:
    async with local_pool("broken") as pool:
        assert not await pool.wait_ready(1)
        assert pool.links == ()


async def test_a_worker_that_prints_a_lot_is_not_stopped_by_a_full_pipe() -> None:
    async with local_pool("chatty") as pool:
        assert await pool.wait_ready(20)
        await asyncio.sleep(0.1)
        assert pool.ready


async def test_a_worker_does_not_outlive_a_gateway_that_is_killed() -> None:
    script = (
        "import asyncio, sys; from tests.link.test_processes import local_pool\n"
        "async def main():\n"
        "    async with local_pool() as pool:\n"
        "        assert await pool.wait_ready(20)\n"
        "        print('pid', pool.processes[0].pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    gateway = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    assert gateway.stdout is not None
    async with asyncio.timeout(30):
        while not (line := await gateway.stdout.readline()).startswith(b"pid"):
            assert line, "the gateway ended too early"
    worker = int(line.split()[1])
    assert alive(worker)
    gateway.kill()
    await gateway.wait()
    await until(lambda: not alive(worker))


async def test_a_pool_whose_workers_cannot_even_start_says_so_before_the_time_is_up() -> None:
    pool = WorkerPool(WorkerSettings(count=1), command=[sys.executable, "-c", "raise SystemExit(2)"])
    pool.start()
    try:
        async with asyncio.timeout(20):
            assert not await pool.wait_ready(600)
        assert pool.hopeless
    finally:
        await pool.close()


async def test_a_worker_runs_at_a_lower_priority_than_the_gateway() -> None:
    async with local_pool() as pool:
        assert await pool.wait_ready(20)
        (worker,) = pool.processes
        assert worker.pid is not None
        assert os.getpriority(os.PRIO_PROCESS, worker.pid) > os.getpriority(os.PRIO_PROCESS, 0)


async def test_a_worker_that_stands_still_is_shown_as_frozen_and_comes_back_or_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_worker, "STANDSTILL_LOOKS", 1_000_000)
    async with local_pool(count=2) as pool:
        await until(lambda: len(pool.links) == 2 and all(link.attached for link in pool.links), 20)
        first, other = (process.pid for process in pool.processes)
        assert first
        assert other
        os.kill(first, signal.SIGSTOP)
        await until(lambda: pool.status()[0].state is WorkerState.FROZEN)
        assert pool.choose().name == pool.local[1].name
        os.kill(first, signal.SIGCONT)
        await until(lambda: pool.status()[0].state is WorkerState.READY, 20)
        assert pool.processes[0].pid == first

        monkeypatch.setattr(local_worker, "STANDSTILL_LOOKS", 3)
        os.kill(first, signal.SIGSTOP)
        await until(lambda: pool.processes[0].pid not in (None, first), 20)
        await until(lambda: pool.status()[0].state is WorkerState.READY, 20)
        assert not alive(first)
        assert pool.processes[1].pid == other
