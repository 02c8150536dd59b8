"""`python -m tests.matrix FILE…`: prints the matrix of interoperability, and fails when a row is no PASS.

The files come from `pytest --matrix FILE`; `--markdown` prints a table for a document.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.matrix.row import FAIL, PASS, Row, joined, unproven

_STYLES = {PASS: "green", FAIL: "bold red"}


def read(paths: list[Path]) -> list[Row]:
    """All rows of the files, those of required scenarios that nothing proved included."""
    rows = [Row(**json.loads(line)) for path in paths for line in path.read_text().splitlines()]
    return joined([*rows, *unproven(rows)])


def show(rows: list[Row], console: Console) -> None:
    """The matrix as a table on the terminal."""
    table = Table("scenario", "behaviour", "peer", "transport", "cases", "result", "reason", box=None, pad_edge=False)
    for row in rows:
        style = _STYLES.get(row.result, "yellow")
        table.add_row(
            row.scenario,
            row.behaviour,
            row.peer,
            row.transport,
            str(row.cases),
            f"[{style}]{row.result}[/]",
            row.reason,
        )
    console.print(table)
    counts = Counter(row.result for row in rows)
    console.print(", ".join(f"{count} {result}" for result, count in sorted(counts.items())))


def markdown(rows: list[Row]) -> str:
    """The matrix for a document."""
    lines = ["| scenario | behaviour | peer | transport | cases | result |", "|---|---|---|---|---|---|"]
    for row in rows:
        result = row.result if row.result == PASS else f"{row.result}: {row.reason}"
        lines.append(f"| {row.scenario} | {row.behaviour} | {row.peer} | {row.transport} | {row.cases} | {result} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--markdown", action="store_true", help="print a table for a document")
    arguments = parser.parse_args()
    missing = [path for path in arguments.files if not path.exists()]
    if missing:
        print(f"{missing[0]} is not there: the tests that write it did not run.", file=sys.stderr)
        return 2
    rows = read(arguments.files)
    if arguments.markdown:
        print(markdown(rows))
    else:
        show(rows, Console(width=None if sys.stdout.isatty() else 220))
    return int(any(row.result != PASS for row in rows))


if __name__ == "__main__":
    sys.exit(main())
