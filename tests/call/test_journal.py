from __future__ import annotations

import threading
from pathlib import Path

from gateway.call.disk import DiskThread
from gateway.call.journal import Entry, Journal
from gateway.call.journal_file import read_journal
from tests.call.disk_double import LateDisk, NowDisk


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    disk = LateDisk()
    journal = Journal(tmp_path / "c.journal", disk, now_ms=lambda: 1_800_000_000_000)
    journal.append(0, "call", {"id": "c"})
    journal.append(20, "note", {"text": "schöne Grüße\nzwei Zeilen"})
    assert not journal.path.exists()
    disk.work()
    assert list(read_journal(journal.path)) == journal.entries
    assert journal.entries[1] == Entry(
        20, "note", {"text": "schöne Grüße\nzwei Zeilen"}, sequence=2, time_ms=1_800_000_000_000
    )


def test_lines_that_wait_are_one_write(tmp_path: Path) -> None:
    disk = LateDisk()
    journal = Journal(tmp_path / "c.journal", disk)
    for at_ms in range(10):
        journal.append(at_ms, "note", {})
    assert len(disk.jobs) == 1
    disk.work()
    journal.append(10, "note", {})
    assert len(disk.jobs) == 1


async def test_durable_waits_for_the_disk(tmp_path: Path) -> None:
    disk = LateDisk()
    journal = Journal(tmp_path / "c.journal", disk)
    await journal.durable()
    journal.append(0, "note", {})
    await journal.durable()
    assert len(list(read_journal(journal.path))) == 1


async def test_no_line_is_lost_or_out_of_order_while_the_disk_writes(tmp_path: Path) -> None:
    disk = DiskThread()
    journal = Journal(tmp_path / "c.journal", disk)
    for at_ms in range(3000):
        journal.append(at_ms, "note", {})
        if at_ms % 500 == 0:
            await journal.durable()
            assert sum(1 for _ in read_journal(journal.path)) == at_ms + 1
    await journal.durable()
    disk.close()
    assert [entry.at_ms for entry in read_journal(journal.path)] == list(range(3000))
    assert threading.active_count() >= 1


def test_half_a_surrogate_pair_is_no_reason_to_lose_a_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "c.journal", NowDisk())
    journal.append(0, "note", {"text": "half \ud83d of it"})
    (entry,) = read_journal(journal.path)
    assert entry.data == {"text": "half ? of it"}
