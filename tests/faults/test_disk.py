"""Calls while the disk is full, read-only or slow: they go on, and nothing that must be kept is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.call.journal_file import read_journal
from gateway.settings import DiskSettings
from tests.call.house import House, entry, greet, house, play, to_call
from tests.call.leg_double import MemoryLeg
from tests.faults.small_disk import SmallDisk, small_disk
from tests.link.worker_double import until

DISK = DiskSettings(reserve_megabytes=1, memory_megabytes=1)
SECOND = 50
"""Frames."""

full = pytest.mark.scenario("FLT-09", peer="tmpfs", transport="memory")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "data", 8) as made:
        yield made


async def talk(h: House, leg: MemoryLeg, turns: range, kilobytes: int = 1) -> None:
    """A second of sound, and entries of the conversation, each so large."""
    await play(leg, SECOND)
    worker = h.workers[0]
    to_call(worker, *(entry(0, "note", event="turn", turn=turn, text="x" * kilobytes * 1000) for turn in turns))
    (call,) = h.gateway.calls.values()
    await until(lambda: _turns(call.journal.entries)[-1:] == [turns[-1]])


def _turns(entries: object) -> list[int]:
    return [one.data["turn"] for one in entries if one.data.get("event") == "turn"]  # type: ignore[attr-defined]


def _complaints(h: House) -> str:
    return " ".join(h.gateway.disk_watch.complaints)


@full
async def test_a_full_disk_costs_recordings_and_no_line_of_a_journal(disk: SmallDisk) -> None:
    async with house(disk.folder, greet, disk=DISK) as h:
        leg = await h.live()
        await talk(h, leg, range(1))
        disk.fill()
        await talk(h, leg, range(1, 40), kilobytes=10)
        await until(lambda: "Nothing is recorded" in _complaints(h))
        (call,) = h.gateway.calls.values()
        await until(lambda: _turns(read_journal(call.journal.path)) == list(range(40)))
        await talk(h, leg, range(40, 41))
        disk.empty()
        await until(lambda: not _complaints(h))
        await asyncio.sleep(0.6)
        await talk(h, leg, range(41, 42))
        leg.end()
        record = await h.record()
    events = [note["event"] for note in record.notes if note["event"] != "turn"]
    assert events == ["recording-stopped", "recording-goes-on"]
    assert _turns(call.journal.entries) == list(range(42))
    assert record.recording is not None
    assert (disk.folder / "calls" / record.recording).stat().st_size > 3 * 32_000


@full
async def test_a_read_only_disk_keeps_journals_in_memory_until_it_can_be_written(disk: SmallDisk) -> None:
    async with house(disk.folder, greet, disk=DISK) as h:
        leg = await h.live()
        await talk(h, leg, range(1))
        (call,) = h.gateway.calls.values()
        await call.journal.durable()
        disk.read_only(True)
        await talk(h, leg, range(1, 5))
        await until(lambda: "Journals wait in memory" in _complaints(h))
        assert not await call.journal.durable()
        leg.end()
        await until(lambda: not h.gateway.calls)
        assert not list(h.gateway.records.newest())
        disk.read_only(False)
        record = await h.record()
    assert [note["turn"] for note in record.notes if note["event"] == "turn"] == list(range(5))
    assert record.end_reason == "customer-ended-call"


@full
async def test_calls_are_refused_when_no_more_journals_fit_into_memory(disk: SmallDisk) -> None:
    async with house(disk.folder, greet, disk=DISK) as h:
        leg = await h.live()
        disk.read_only(True)
        await talk(h, leg, range(200), kilobytes=6)
        await until(lambda: h.gateway.admission.strain.reason is not None)
        refusal = h.gateway.admission.strain.reason
        assert refusal is not None
        assert (refusal.status, refusal.reason) == (503, "journals-unwritten")
        await play(leg, SECOND)
        assert leg.answered
        assert not leg.ended
        disk.read_only(False)
        await until(lambda: h.gateway.admission.strain.reason is None)
        leg.end()
        record = await h.record()
    assert len(json.loads((disk.folder / "calls" / f"{record.id}.json").read_text())["notes"]) >= 200
