"""Journals compared with what the control plane has."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from gateway.call.journal import Entry
from gateway.chaos.events import Lost, Move, Witness

Row = tuple[str, int, str]


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    (tmp_path / "calls").mkdir()
    return Witness(tmp_path / "calls", tmp_path / "kept")


def journal(witness: Witness, call: str, kinds: Sequence[str]) -> Path:
    path = witness.calls / f"{call}.journal"
    lines = [Entry(0, kind, {}, sequence).line() for sequence, kind in enumerate(kinds, 1)]
    path.write_bytes(b"".join(lines))
    return path


def database(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "parley.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE call_events (position INTEGER PRIMARY KEY, call_id TEXT, sequence INTEGER, kind TEXT)"
        )
        connection.executemany("INSERT INTO call_events (call_id, sequence, kind) VALUES (?, ?, ?)", rows)
    return path


def test_a_journal_that_the_gateway_has_deleted_still_counts(witness: Witness, tmp_path: Path) -> None:
    path = journal(witness, "a", ["began", "ended"])
    witness.look()
    path.unlink()
    witness.look()
    assert witness.compare(database(tmp_path, [("a", 1, "began"), ("a", 2, "ended")])) == Lost(2, 0, 0, 0)


def test_what_the_database_has_not_is_lost_and_a_call_without_an_end_is_told(witness: Witness, tmp_path: Path) -> None:
    journal(witness, "a", ["began", "ended"])
    journal(witness, "b", ["began", "ended"])
    witness.look()
    assert witness.compare(database(tmp_path, [("a", 1, "began"), ("b", 2, "ended")])) == Lost(4, 2, 1, 0)


def test_events_of_a_call_that_came_in_another_order_are_told(witness: Witness, tmp_path: Path) -> None:
    journal(witness, "a", ["began", "ended"])
    witness.look()
    assert witness.compare(database(tmp_path, [("a", 2, "ended"), ("a", 1, "began")])).out_of_order == 1


def test_moves_are_read_from_the_journals(witness: Witness) -> None:
    moved = {"from": "worker-1", "to": "worker-2", "because": "worker-died", "gap_ms": 40}
    (witness.calls / "a.journal").write_bytes(Entry(0, "moved", moved, 1).line() + Entry(0, "ended", {}, 2).line())
    witness.look()
    assert witness.moves() == [Move("worker-died", 40)]
