"""Lines through everything that a disk may do to them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.call import lines as module
from gateway.call.disk import DiskThread
from gateway.call.journal import Entry
from gateway.call.journal_file import read_journal
from gateway.call.lines import Lines
from tests.call.disk_double import LateDisk
from tests.call.faulty_path import FAULTS, FaultyPath

NOTHING = b"{}\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=st.lists(st.sampled_from(FAULTS), max_size=12), written=st.lists(st.integers(0, 5), max_size=20))
def test_whatever_the_disk_does_each_line_is_there_once_and_in_order(
    tmp_path: Path, faults: list[str], written: list[int]
) -> None:
    path = tmp_path / "c.journal"
    path.unlink(missing_ok=True)
    lines = Lines(FaultyPath(path).meeting(iter(faults)), LateDisk())
    appended: list[Entry] = []
    for count in (*written, 1):
        for _ in range(count):
            appended.append(Entry(0, "note", {"text": "für alle"}, len(appended) + 1, 1))
            lines.append(appended[-1].line())
        _tried(lines)
    for _ in faults:
        _tried(lines)
    lines.flush()
    assert list(read_journal(path)) == appended


def _tried(lines: Lines) -> None:
    try:
        lines.flush()
    except OSError:
        return


def test_what_may_be_left_out_does_not_wait_for_room(tmp_path: Path) -> None:
    disk = LateDisk()
    lines = Lines(FaultyPath(tmp_path / "c.events.jsonl").meeting(iter(["full"])), disk, kept=False)
    lines.append(NOTHING)
    with pytest.raises(OSError, match="No space"):
        disk.work()
    disk.room = False
    lines.append(NOTHING)
    assert not disk.jobs
    disk.room = True
    lines.append(NOTHING)
    disk.work()
    assert lines.path.read_bytes() == NOTHING


async def test_a_call_does_not_wait_long_for_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DURABLE_SECONDS", 0.05)
    disk = DiskThread()
    lines = Lines(tmp_path / "c.journal", disk)
    disk.submit(lambda: time.sleep(0.5))
    lines.append(NOTHING)
    assert not await lines.durable()
    assert disk.unwritten == len(NOTHING)
    disk.close()
    assert lines.path.read_bytes() == NOTHING
    assert disk.unwritten == 0


async def test_what_is_durable_was_synchronised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synchronised: list[int] = []
    monkeypatch.setattr("os.fdatasync", synchronised.append)
    disk = DiskThread()
    lines = Lines(tmp_path / "c.journal", disk)
    assert await lines.durable()
    lines.append(NOTHING)
    await disk.barrier()
    assert not synchronised
    assert await lines.durable()
    disk.close()
    assert len(synchronised) == 1


class StubbornDisk(LateDisk):
    """Does what failed again at the next barrier, as the disk's thread does after a while."""

    async def barrier(self) -> None:
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            try:
                job()
            except OSError:
                self.jobs.append(job)


async def test_what_failed_is_durable_only_after_it_was_synchronised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronised: list[int] = []
    monkeypatch.setattr("os.fdatasync", synchronised.append)
    lines = Lines(FaultyPath(tmp_path / "c.journal").meeting(iter(["full"])), StubbornDisk())
    lines.append(NOTHING)
    assert not await lines.durable()
    assert not synchronised
    assert await lines.durable()
    assert synchronised


async def test_a_line_that_comes_meanwhile_takes_nothing_from_those_before_it(tmp_path: Path) -> None:
    class BusyDisk(LateDisk):
        async def barrier(self) -> None:
            self.work()
            lines.append(NOTHING)

    lines = Lines(tmp_path / "c.journal", BusyDisk())
    lines.append(NOTHING)
    assert await lines.durable()
