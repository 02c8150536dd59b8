"""The thread that owns a library."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Iterator

import pytest

from gateway.errors import LegError
from gateway.sip.owner_thread import OwnerThread


class Poll:
    """Stands for the library: blocks until it is let go."""

    def __init__(self) -> None:
        self.turns = threading.Semaphore(0)
        self.polled = threading.Event()
        self.threads: set[str] = set()
        self.fail = False

    def __call__(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.polled.set()
        self.turns.acquire(timeout=0.002)
        if self.fail:
            raise ValueError("a defect in the poll")


@pytest.fixture
def poll() -> Poll:
    return Poll()


@pytest.fixture
def owner(poll: Poll) -> Iterator[OwnerThread]:
    thread = OwnerThread(name="owner", poll=poll)
    thread.start()
    yield thread
    assert thread.stop(3.0)


async def test_a_command_runs_on_the_owner_and_its_result_comes_back(owner: OwnerThread) -> None:
    assert await owner.run(lambda: threading.current_thread().name, timeout=3) == "owner"
    assert not owner.is_current


async def test_commands_run_in_order(owner: OwnerThread) -> None:
    seen: list[int] = []
    await asyncio.gather(*(owner.run(lambda index=index: seen.append(index), timeout=3) for index in range(50)))  # type: ignore[misc]
    assert seen == list(range(50))


async def test_an_error_of_a_command_is_the_callers(owner: OwnerThread) -> None:
    def refuse() -> None:
        raise LegError("gone")

    with pytest.raises(LegError, match="gone"):
        await owner.run(refuse, timeout=3)


class Held:
    """An object of the library."""


async def test_an_error_keeps_no_object_of_the_library_alive(owner: OwnerThread) -> None:
    seen: list[weakref.ref[Held]] = []

    def fail() -> None:
        held = Held()
        seen.append(weakref.ref(held))
        try:
            raise ValueError("the library's")
        except ValueError:
            raise LegError("ours") from None

    with pytest.raises(LegError):
        await owner.run(fail, timeout=3)
    assert await owner.run(lambda: seen[0]() is None, timeout=3)


async def test_neither_a_failing_poll_nor_a_failing_post_ends_the_thread(owner: OwnerThread, poll: Poll) -> None:
    poll.fail = True
    owner.post(lambda: 1 // 0)
    assert await owner.run(lambda: "still here", timeout=3) == "still here"


async def test_a_command_that_posts_another_does_not_starve_the_poll(owner: OwnerThread, poll: Poll) -> None:
    posted = 0

    def again() -> None:
        nonlocal posted
        posted += 1
        if posted < 1000:
            owner.post(again)

    owner.post(again)
    poll.polled.clear()
    assert await asyncio.to_thread(poll.polled.wait, 3)
    assert posted < 1000


async def test_a_command_that_takes_too_long_is_a_timeout(owner: OwnerThread) -> None:
    release = threading.Event()
    owner.post(lambda: release.wait(5))
    with pytest.raises(TimeoutError):
        await owner.run(lambda: None, timeout=0.05)
    release.set()


async def test_the_heartbeat_goes_on(owner: OwnerThread, poll: Poll) -> None:
    before = owner.heartbeat_ns
    for _ in range(2):
        poll.polled.clear()
        assert await asyncio.to_thread(poll.polled.wait, 3)
    assert owner.heartbeat_ns > before


async def test_what_was_queued_runs_before_the_end_and_nothing_after_it(poll: Poll) -> None:
    thread = OwnerThread(name="owner", poll=poll)
    thread.start()
    seen: list[str] = []
    thread.post(lambda: seen.append("last"))
    assert await asyncio.to_thread(thread.stop, 3.0)
    assert seen == ["last"]
    with pytest.raises(LegError, match="not running"):
        await thread.run(lambda: None, timeout=1)
