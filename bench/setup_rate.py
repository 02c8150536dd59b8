"""How many calls can be answered a second, and how fast."""

from __future__ import annotations

from pathlib import Path

from bench.capacity import conversing
from bench.load.generator import LoadPlan, LoadResult, running_load
from bench.report import Report, Table, Target

SUMMARY = "calls set up at 10, 20, 30 and 40 a second, each kept for 3 s (--all: a minute each)"
METHOD = (
    "calls of the load generator that are kept for 3 s and ended by the caller, against a gateway with two workers "
    "whose transcriber, model and voice answer at once; every call has its assistant, recording, journal and record; "
    "set-up is from the first INVITE to the arrival of the 200 by the kernel's clock; steps follow each other at once"
)
RATES = (10, 20, 30, 40)
HOLD_MS = 3000
DEMANDED_RATE, SETUP_BUDGET_MS = 30, 250.0
_USUAL_SECONDS, _LONG_SECONDS = 15, 60


async def measure(folder: Path, everything: bool = False) -> Report:
    """Run it; a minute and a half."""
    seconds = _LONG_SECONDS if everything else _USUAL_SECONDS
    steps = []
    async with conversing(folder) as (port, _):
        for rate in RATES:
            plan = LoadPlan(port, rate * seconds, rate=rate, hold_ms=HOLD_MS)
            async with running_load(plan) as run:
                steps.append((rate, await run.result()))
    columns = ("calls a second", "calls", "answered", "refused", "set-up p50", "p95", "p99", "max", "gap p99.9")
    table = Table("set-up, ms", columns, [_row(rate, found) for rate, found in steps])
    demanded = dict(steps)[DEMANDED_RATE]
    targets = [
        Target(f"calls that failed at {DEMANDED_RATE} a second", demanded.failed, 0, ""),
        Target(f"INVITE to 200 at {DEMANDED_RATE} a second, p99", demanded.setup.p99, SETUP_BUDGET_MS),
    ]
    return Report("setup_rate", METHOD, [], [], _failures(steps), targets=targets, tables=[table])


def _row(rate: int, found: LoadResult) -> list[float | str]:
    calls, times = found.answered + found.failed, found.setup
    return [rate, calls, found.answered, found.failed, times.p50, times.p95, times.p99, times.max, found.gaps.p999]


def _failures(steps: list[tuple[int, LoadResult]]) -> list[str]:
    return [f"at {rate} a second, refused by status: {found.failures}" for rate, found in steps if found.failures]
