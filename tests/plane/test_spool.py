"""The spool in all orders of events, batches, acknowledgements and lost streams."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.journal import Entry, Journal
from gateway.plane import spool as module
from gateway.plane.spool import Spool
from tests.call.disk_double import LateDisk, NowDisk

CALLS = ("a", "b", "c")
STEPS = st.lists(st.sampled_from([*CALLS, "send", "acknowledge", "lose"]), max_size=60)


@given(STEPS)
def test_everything_that_is_told_arrives_in_order_however_often_the_stream_is_lost(steps: list[str]) -> None:
    spool = Spool(Path("nowhere"), NowDisk())
    told = dict.fromkeys(CALLS, 0)
    arrived = dict.fromkeys(CALLS, 0)

    def send() -> None:
        while batch := spool.batch():
            for event in batch.events:
                # Once it has arrived it may come again, but never with a hole before it.
                assert event.sequence <= arrived[event.call_id] + 1
                arrived[event.call_id] = max(arrived[event.call_id], event.sequence)

    spool.attach()
    for step in steps:
        if step in CALLS:
            told[step] += 1
            spool.add(step, Entry(0, "note", {}, told[step], 1))
        elif step == "send":
            send()
        elif step == "acknowledge":
            spool.acknowledge(arrived)
        else:
            spool.detach()
            spool.attach()
    send()
    assert arrived == told
    spool.acknowledge(arrived)
    assert not spool.waiting
    assert not spool.outstanding


def test_a_batch_is_bounded_in_bytes() -> None:
    spool = Spool(Path("nowhere"), NowDisk())
    spool.attach()
    for sequence in range(1, 4):
        spool.add("a", Entry(0, "note", {"text": "x" * module.BATCH_BYTES}, sequence, 1))
    batch = spool.batch()
    assert batch is not None
    assert [event.sequence for event in batch.events] == [1]


class Begun:
    """A call that has just begun, while the disk has something else to do."""

    def __init__(self, folder: Path) -> None:
        self.disk = LateDisk()
        self.spool = Spool(folder, self.disk)
        self.journal = Journal(folder / "a.journal", self.disk, publish=partial(self.spool.add, "a"))
        self.spool.attach()
        self.journal.append(0, "call", {"id": "a"})

    @property
    def told(self) -> list[str]:
        batch = self.spool.batch()
        return [event.kind for event in batch.events] if batch else []


async def test_a_call_that_a_kill_would_make_unknown_here_is_told_to_nobody(tmp_path: Path) -> None:
    begun = Begun(tmp_path)
    begun.journal.append(5, "ringing", {})
    begun.spool.detach()
    begun.spool.attach()
    assert not begun.journal.path.exists()
    assert not begun.told
    begun.disk.work()
    await asyncio.sleep(0)
    assert begun.journal.path.exists()
    assert begun.told == ["call", "ringing"]
    begun.journal.append(9, "answered", {})
    assert begun.told == ["answered"], "what comes later waits for no disk"


async def test_a_disk_that_takes_nothing_keeps_no_call_from_the_control_plane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DURABLE_SECONDS", 0.0)
    begun = Begun(tmp_path)
    assert not begun.told
    await asyncio.sleep(0.01)
    assert begun.told == ["call"]
    begun.disk.work()
    await asyncio.sleep(0)
    assert not begun.told, "once is enough"
