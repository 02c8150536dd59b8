from __future__ import annotations

from collections import Counter

import pytest

from gateway.errors import NoWorker
from gateway.link.link import WorkerLink
from gateway.link.pool import WorkerPool
from gateway.link.v1 import link_pb2 as pb
from gateway.settings import WorkerSettings
from tests.link.worker_double import WorkerDouble, serving, until


def pool_of(**loads: pb.Load) -> tuple[WorkerPool, dict[str, WorkerLink]]:
    """A pool of attached workers with these loads."""
    pool = WorkerPool(WorkerSettings(count=0, addresses=list(loads)))
    for link in pool.links:
        link.attached = True
        link.load = loads[link.name]
    return pool, {link.name: link for link in pool.links}


def load(active: int, *, capacity: int = 10, draining: bool = False) -> pb.Load:
    return pb.Load(active_calls=active, capacity=capacity, draining=draining)


async def test_the_least_loaded_takes_the_call_by_its_share_not_its_count() -> None:
    pool, links = pool_of(small=load(2, capacity=4), large=load(10, capacity=100))
    assert pool.choose() is links["large"]


async def test_equal_workers_take_turns() -> None:
    pool, _ = pool_of(a=load(0), b=load(0), c=load(0))
    assert set(Counter(pool.choose().name for _ in range(30)).values()) == {10}


async def test_draining_full_tried_and_detached_workers_are_skipped() -> None:
    pool, links = pool_of(draining=load(0, draining=True), full=load(10), tried=load(0), gone=load(0), good=load(9))
    links["gone"].attached = False
    assert pool.choose([links["tried"]]) is links["good"]


async def test_with_none_left_the_caller_is_told_when_to_come_back() -> None:
    pool, links = pool_of(only=load(0))
    with pytest.raises(NoWorker) as refusal:
        pool.choose([links["only"]])
    assert refusal.value.status == 503
    assert refusal.value.retry_after


async def test_a_pool_attaches_to_its_addresses_and_detaches() -> None:
    async with serving(WorkerDouble()) as one, serving(WorkerDouble()) as two:
        pool = WorkerPool(WorkerSettings(count=0, addresses=[one.address, two.address]))
        assert not await pool.wait_ready(0.01)
        pool.start()
        assert await pool.wait_ready(5)
        await until(lambda: all(link.attached for link in pool.links))
        await pool.close()
        assert not pool.ready
