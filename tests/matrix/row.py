"""A row of the interoperability matrix: what was proven, against whom, over which transport, and how it went."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

PASS, FAIL, NOT_RUN = "PASS", "FAIL", "NOT RUN"

_RANGES = {"REG": 8, "TRK": 3, "INV": 20, "DTM": 3, "RTP": 5, "NET": 5, "MED": 16, "PRO": 1}
REQUIRED = tuple(f"{area}-{number:02}" for area, last in _RANGES.items() for number in range(1, last + 1))
"""What must be proven: an identifier that no test carries is a row that fails."""

_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One test, or all parameters of one test, of a scenario. `reason` says why it is no PASS."""

    scenario: str
    behaviour: str
    peer: str
    transport: str
    result: str
    reason: str = ""
    cases: int = 1

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def behaviour_of(test_name: str) -> str:
    """A test's name as a sentence: `test_a_held_call_stays_up[udp]` is "a held call stays up"."""
    return re.sub(r"\[.*\]$", "", test_name).removeprefix("test_").replace("_", " ")


def reason_of(text: str) -> str:
    """The line of a failure's text that says most: pytest's last line that begins with E, or the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = next(
        (line[1:].strip() for line in lines if line.startswith("E ")), lines[-1] if lines else "no reason given"
    )
    return told if len(told) <= _REASON_LENGTH else f"{told[:_REASON_LENGTH]}…"


def joined(rows: Iterable[Row]) -> list[Row]:
    """Cases of one test against one peer as one row, which passes when all of them do; in the order of identifiers."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.scenario, row.behaviour, row.peer, row.transport), []).append(row)
    return [_one(groups[key]) for key in sorted(groups)]


def unproven(rows: Iterable[Row]) -> list[Row]:
    """A failing row for each required identifier that no row carries."""
    proven = {row.scenario for row in rows}
    return [Row(name, "", "", "", FAIL, "no test ran for it", 0) for name in REQUIRED if name not in proven]


def _one(cases: list[Row]) -> Row:
    worst = next((case for case in cases if case.result == FAIL), None)
    worst = worst or next((case for case in cases if case.result == NOT_RUN), cases[0])
    return Row(
        worst.scenario, worst.behaviour, worst.peer, worst.transport, worst.result, worst.reason,
        sum(case.cases for case in cases),
    )  # fmt: skip
