from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from gateway.call.dialog import KIND, KeptDialog
from gateway.call.journal import Entry
from gateway.call.orphans import FILE, REASON, Orphans
from gateway.errors import LegError
from tests.call.test_dialog import dialog


class FarEnds:
    """An endpoint whose far ends answer as `statuses` say; by default 200."""

    def __init__(self, **statuses: int | None) -> None:
        self.statuses = statuses
        self.told: list[tuple[str, str]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def end_dialog(self, dialog: KeptDialog, reason: str) -> int:
        self.told.append((dialog.call_id, reason))
        await self.open.wait()
        status = self.statuses.get(dialog.call_id, 200)
        if status is None:
            raise LegError("The SIP stack did not answer.")
        return status


def journal(folder: Path, call_id: str, *kinds: tuple[str, dict[str, object]]) -> None:
    lines = [Entry(0, kind, data, number, 0).line() for number, (kind, data) in enumerate(kinds, 1)]
    (folder / f"{call_id}.journal").write_bytes(b"".join(lines))


def left_behind(folder: Path, *call_ids: str) -> Orphans:
    for call_id in call_ids:
        journal(folder, call_id, ("call", {}), (KIND, dialog(call_id).shown()))
    orphans = Orphans(folder, folder)
    orphans.find()
    return orphans


def become_records(folder: Path) -> None:
    for path in folder.glob("*.journal"):
        path.unlink()


async def test_every_far_end_is_told_once_whatever_the_others_answer(tmp_path: Path) -> None:
    orphans = left_behind(tmp_path, "a", "b", "c", "d")
    journal(tmp_path, "ended", ("call", {}), (KIND, dialog("ended").shown()), ("ended", {}))
    far_ends = FarEnds(a=481, b=None, c=408)
    await orphans.end(far_ends)
    assert far_ends.told == [(name, REASON) for name in "abcd"]
    assert not (tmp_path / FILE).exists()


async def test_a_gateway_that_dies_again_before_it_told_them_forgets_none(tmp_path: Path) -> None:
    first = left_behind(tmp_path, "a", "b")
    far_ends = FarEnds()
    far_ends.open.clear()
    ending = asyncio.create_task(first.end(far_ends))
    await asyncio.sleep(0.05)
    ending.cancel()
    become_records(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    second = left_behind(tmp_path, "c")
    assert sorted(one.call_id for one in second.dialogs) == ["a", "b", "c"]


async def test_a_damaged_file_keeps_nobody_from_starting(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[{}")
    assert [one.call_id for one in left_behind(tmp_path, "a").dialogs] == ["a"]


@pytest.mark.parametrize("calls", [0, 300])
async def test_the_far_ends_are_told_beside_each_other(tmp_path: Path, calls: int) -> None:
    orphans = left_behind(tmp_path, *(f"c{number:03}" for number in range(calls)))
    far_ends = FarEnds()
    far_ends.open.clear()
    ending = asyncio.create_task(orphans.end(far_ends))
    while len(far_ends.told) < calls:  # noqa: ASYNC110  nobody answers meanwhile
        await asyncio.sleep(0.01)
    far_ends.open.set()
    await ending
    assert orphans.dialogs == []
