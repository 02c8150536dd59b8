"""Whether the control plane has every line that the journals had.

The gateway deletes a journal when all of it was told; a second name keeps it for us.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.call.journal_file import read_journal


@dataclass(frozen=True, slots=True)
class Lost:
    """Events that journals had: how many, those that the database has not, calls without an end or with two, and
    events that came after a later one of their call."""

    events: int
    lost: int
    ends_wrong: int
    out_of_order: int


@dataclass(frozen=True, slots=True)
class Move:
    """As the gateway journalled it; `gap_ms` is the silence that it cost, by the gateway's own account."""

    because: str
    gap_ms: int


@dataclass(frozen=True, slots=True)
class Witness:
    """Journals in `calls` have second names in `kept`, which is on the same disk."""

    calls: Path
    kept: Path

    def look(self) -> None:
        """Keep the journals that there are now."""
        self.kept.mkdir(parents=True, exist_ok=True)
        for path in self.calls.glob("*.journal"):
            with suppress(OSError):
                os.link(path, self.kept / path.name)

    def compare(self, database: Path) -> Lost:
        """With the table of a control plane's SQLite."""
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT call_id, sequence FROM call_events ORDER BY position").fetchall()
            found = set(rows)
            ends = dict(
                connection.execute("SELECT call_id, count(*) FROM call_events WHERE kind = 'ended' GROUP BY call_id")
            )
        facts = list(self._facts())
        calls = {call for call, _ in facts}
        return Lost(
            events=len(facts),
            lost=sum(fact not in found for fact in facts),
            ends_wrong=sum(ends.get(call, 0) != 1 for call in calls),
            out_of_order=_out_of_order(rows),
        )

    def moves(self) -> list[Move]:
        """Each time that a call went on at another worker."""
        return [
            Move(str(entry.data.get("because")), int(entry.data.get("gap_ms") or 0))
            for path in sorted(self.kept.glob("*.journal"))
            for entry in read_journal(path)
            if entry.kind == "moved"
        ]

    def _facts(self) -> Iterator[tuple[str, int]]:
        for path in sorted(self.kept.glob("*.journal")):
            for entry in read_journal(path):
                yield path.stem, entry.sequence


def _out_of_order(rows: list[tuple[str, int]]) -> int:
    last: dict[str, int] = {}
    wrong = 0
    for call, sequence in rows:
        wrong += sequence <= last.get(call, -1)
        last[call] = sequence
    return wrong
