"""The spool in all orders of events, batches, acknowledgements and lost streams."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.call.journal import Entry
from gateway.plane import spool as module
from gateway.plane.spool import Spool
from tests.call.disk_double import NowDisk

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
