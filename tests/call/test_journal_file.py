"""Journals as crashes and bad disks leave them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.call.journal import Entry
from gateway.call.journal_file import close_journal, read_journal
from gateway.observe import metrics

ENTRIES = [Entry(20 * at, "note", {"text": f"Zeile {at} für alle"}, at, 1_800_000_000_000) for at in range(1, 8)]
WHOLE = b"".join(entry.line() for entry in ENTRIES)
anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(folder: Path, content: bytes) -> list[Entry]:
    path = folder / "c.journal"
    path.write_bytes(content)
    return list(read_journal(path))


@anywhere
@given(cut=st.integers(0, len(WHOLE)))
def test_a_file_that_a_crash_cut_anywhere_has_all_its_whole_lines(tmp_path: Path, cut: int) -> None:
    assert read(tmp_path, WHOLE[:cut]) == ENTRIES[: WHOLE[:cut].count(b"\n")]


@anywhere
@given(place=st.integers(0, len(WHOLE) - 1), bits=st.integers(1, 255))
def test_a_damaged_byte_costs_its_line_and_invents_nothing(tmp_path: Path, place: int, bits: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[place] ^= bits
    line = WHOLE[:place].count(b"\n")
    last = place == len(WHOLE) - 1
    beyond = 1 if WHOLE[place : place + 1] == b"\n" and not last else 0  # two lines have become one
    assert read(tmp_path, bytes(damaged)) == ENTRIES[:line] + ENTRIES[line + 1 + beyond :]


def test_a_damaged_line_is_counted_and_a_gap_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = metrics.JOURNAL_LINES_DAMAGED._value.get()
    read(tmp_path, WHOLE.replace(b"Zeile 3", b"Zeile 4"))
    assert metrics.JOURNAL_LINES_DAMAGED._value.get() == before + 1
    assert "journal has a gap" in capsys.readouterr().out


def test_lines_without_a_checksum_are_those_of_an_older_version(tmp_path: Path) -> None:
    old = b'{"sequence": 1, "at_ms": 0, "time_ms": 5, "kind": "note", "data": {}}\n'
    assert read(tmp_path, old + ENTRIES[1].line()) == [Entry(0, "note", {}, 1, 5), ENTRIES[1]]


@pytest.mark.parametrize("line", ["[]", "", '{"at_ms": 1}', '{"at_ms": "x", "kind": 1, "data": 2}', "null"])
def test_what_is_no_entry_is_left_out(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, ENTRIES[0].line() + line.encode() + b"\n" + ENTRIES[1].line()) == ENTRIES[:2]


@pytest.mark.parametrize("torn", [b"", ENTRIES[6].line()[:30], ENTRIES[6].line()[:-1]])
def test_an_end_that_is_added_later_keeps_its_sequence(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "c.journal"
    path.write_bytes(b"".join(entry.line() for entry in ENTRIES[:6]) + torn)
    ending = Entry(0, "ended", {"follows": 6}, 1_000_006)
    close_journal(path, ending)
    assert list(read_journal(path)) == [*ENTRIES[:6], ending]
