from __future__ import annotations

import threading
from functools import partial

from gateway.call.disk import DiskThread


async def test_jobs_are_done_in_order_on_another_thread() -> None:
    disk = DiskThread()
    done: list[tuple[int, bool]] = []

    def note(number: int) -> None:
        done.append((number, threading.current_thread() is threading.main_thread()))

    for number in range(20):
        disk.submit(partial(note, number))
    await disk.barrier()
    disk.close()
    assert done == [(number, False) for number in range(20)]


async def test_a_job_that_fails_does_not_stop_those_after_it() -> None:
    disk = DiskThread()
    done: list[str] = []
    disk.submit(lambda: done.append(str(1 // 0)))
    disk.submit(lambda: done.append("after"))
    await disk.barrier()
    disk.close()
    assert done == ["after"]


def test_what_waits_is_done_before_it_closes() -> None:
    disk = DiskThread()
    done: list[int] = []
    for number in range(100):
        disk.submit(partial(done.append, number))
    disk.close()
    assert done == list(range(100))
