"""Calls whose CANCEL races the answer: whether one stays alive, or has no record, or two."""

from __future__ import annotations

import time
from pathlib import Path

from bench.report import Figure, Rate, Report, Target
from tests.interop.cancel_race import race

SUMMARY = "calls that are cancelled at the instant of the answer: what is left of them (--all: 20,000)"
METHOD = (
    "`parley serve` with a real worker and records; callers on one UDP socket who send CANCEL within 5 ms of the "
    "answer that they expect, some twice, some before any response, or BYE while it rings, or INVITE twice"
)
USUAL_CALLS, ALL_CALLS = 2000, 20_000
CALLS_PER_SECOND = 40.0


async def measure(folder: Path, everything: bool = False) -> Report:
    """Run it; a minute, or nine with everything."""
    calls = ALL_CALLS if everything else USUAL_CALLS
    begun = time.monotonic()
    outcome = await race(folder / "parley", calls=calls, rate=CALLS_PER_SECOND)
    finals: list[Figure | Rate] = [
        Rate.of(f"final status {status}", count, calls) for status, count in sorted(outcome.finals.items())
    ]
    wrong = calls - outcome.records[1] + outcome.strangers
    targets = [
        Target("calls alive at the end", outcome.active + outcome.unfinished, 0, unit=""),
        Target("calls without exactly one record", wrong + outcome.journals, 0, unit=""),
        Target(
            "descriptors more than after 100 calls", outcome.after.descriptors - outcome.before.descriptors, 2, unit=""
        ),
    ]
    figures = [Figure.of("answer to CANCEL, both on the wire", outcome.offsets_ms), *finals]
    resident = outcome.after.resident_mib - outcome.before.resident_mib
    notes = [
        f"{calls} calls in {time.monotonic() - begun:.0f} s, {CALLS_PER_SECOND:g} a second",
        f"memory grew by {resident:.1f} MiB",
    ]
    return Report("cancel_race", METHOD, figures, [], notes, targets=targets)
