"""Run the matrix and print it: `python -m tests.providers.faults [WORD…]`, all cells or those with the words in their
names. Exits with 1 when a call became what it was not to become."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping

import structlog

from tests.providers.emulators.fault import Kind
from tests.providers.faults.kinds import KINDS
from tests.providers.faults.run import run_all
from tests.providers.faults.table import Senseless, cells, limit, verdict
from tests.providers.faults.trial import Case, Moment, Outcome


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    became = f"ends: {outcome.reason}" if outcome.reason else "goes on"
    return f"{became}, {max(outcome.silence_ms, default=0)} ms"


def report(outcomes: Mapping[Case, Outcome]) -> str:
    """Markdown: a table for each kind of provider, faults by moments, with the longest silence of a turn."""
    lines = []
    for kind in KINDS:
        for stand_in in (True, False):
            lines += [f"## {kind.title}, {'with a stand-in' if stand_in else 'alone'}", ""]
            lines += ["| fault | " + " | ".join(moment.value for moment in Moment) + " |", "|---" * 5 + "|"]
            for fault in Kind:
                row = [_cell(outcomes.get(Case(kind, moment, fault, stand_in))) for moment in Moment]
                if any(row):
                    lines.append(f"| {fault.value} | " + " | ".join(cell or "-" for cell in row) + " |")
            lines.append("")
    why: dict[str, list[str]] = {}
    for cell in cells():
        if isinstance(cell, Senseless):
            why.setdefault(cell.why, []).append(f"{cell.kind.title}/{cell.moment.value}/{cell.fault.value}")
    limits = dict.fromkeys(known for case in outcomes if (known := limit(case)))
    lines += ["## Known limits", "", *(f"- {known}" for known in limits), ""]
    lines += ["## Without a trial (-)", "", *(f"- {reason}: {', '.join(which)}" for reason, which in why.items())]
    return "\n".join(lines)


async def main(words: list[str]) -> int:
    """Run and print; the exit status."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    cases = [cell for cell in cells() if isinstance(cell, Case) and all(word in str(cell) for word in words)]
    outcomes = await run_all(cases)
    print(report(outcomes))
    wrong = {case: problems for case, outcome in outcomes.items() if (problems := verdict(case, outcome))}
    print(f"\n{len(cases) - len(wrong)} of {len(cases)} as they are to be")
    for case, problems in wrong.items():
        print(f"- {case}: {'; '.join(problems)}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
