"""What is left of calls that are over: memory, threads, sockets and files after thousands of short ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.capacity import conversing
from bench.load.generator import LoadPlan, running_load
from bench.processes import Processes, resident_mib
from bench.report import Report, Table, Target
from tests.interop.product import Footprint

SUMMARY = "growth of gateway and workers over 10,000 short calls, after 2,000 (--all: 50,000)"
METHOD = (
    "calls of the load generator, 45 a second, each kept for 1 s, against a gateway with two workers whose providers "
    "answer at once; memory is Rss of smaps_rollup, read after every 1,000 calls when none is left; its slope is that "
    "of the straight line through the readings from 2,000 calls on. What is bounded is full by then: the 416 legs and "
    "calls of the stack, each touched once; transactions of the last 32 s (RFC 3261 timers H, J and L; 1,440 calls at "
    "this rate, 37 kB each); ended calls that wait for Python's collector. The slope from 1,000 calls on is told, too. "
    "Threads, descriptors and sockets at the end less those before the first call; workers are taken together"
)
WARM_UP_CALLS, USUAL_CALLS, ALL_CALLS = 2000, 12_000, 52_000
SHORT_WARM_UP_CALLS = 1000
CALLS_PER_SECOND, HOLD_MS = 45, 1000
SLOPE_BUDGET_MIB = 2.0
"""In 10,000 calls."""
_STEP = 1000
_QUIET_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """After `calls` calls, when none is left. MiB."""

    calls: int
    gateway_mib: float
    workers_mib: float
    gateway: Footprint

    def row(self) -> list[float | str]:
        kept = self.gateway
        memory = round(self.gateway_mib, 1), round(self.workers_mib, 1)
        return [self.calls, *memory, kept.threads, kept.descriptors, kept.sockets]


async def measure(folder: Path, everything: bool = False) -> Report:
    """Run it; six minutes, or 25 with everything."""
    calls = ALL_CALLS if everything else USUAL_CALLS
    async with conversing(folder) as (port, processes):
        readings, failed = [await _read(0, processes)], 0
        for done in range(_STEP, calls + 1, _STEP):
            plan = LoadPlan(port, _STEP, rate=CALLS_PER_SECOND, hold_ms=HOLD_MS)
            async with running_load(plan) as run:
                failed += (await run.result()).failed
            readings.append(await _read(done, processes))
    return _report(readings, failed)


async def _read(calls: int, processes: Processes) -> Reading:
    await asyncio.sleep(_QUIET_SECONDS)
    workers = sum(resident_mib(pid) for pid in processes.workers)
    return Reading(calls, resident_mib(processes.gateway), workers, Footprint.of(processes.gateway))


def slope_mib(readings: Sequence[tuple[int, float]]) -> float:
    """Growth in 10,000 calls of the straight line through (calls, MiB)."""
    calls, mib = zip(*readings, strict=True)
    return float(np.polyfit(calls, mib, 1)[0]) * 10_000


def _slopes(readings: Sequence[Reading], warm_up: int) -> tuple[float, float]:
    """Of the gateway and of the workers, after so many calls."""
    warm = [one for one in readings if one.calls >= warm_up]
    gateway = slope_mib([(one.calls, one.gateway_mib) for one in warm])
    return gateway, slope_mib([(one.calls, one.workers_mib) for one in warm])


def _report(readings: Sequence[Reading], failed: int) -> Report:
    gateway, workers = _slopes(readings, WARM_UP_CALLS)
    sooner = _slopes(readings, SHORT_WARM_UP_CALLS)
    first, last = readings[0].gateway, readings[-1].gateway
    columns = ("calls", "gateway MiB", "workers MiB", "threads", "descriptors", "sockets")
    rows = [one.row() for one in readings]
    targets = [
        Target("gateway, growth in 10,000 calls", gateway, SLOPE_BUDGET_MIB, "MiB"),
        Target("workers, growth in 10,000 calls", workers, SLOPE_BUDGET_MIB * 2, "MiB"),
        Target("threads more than before", last.threads - first.threads, 2, ""),
        Target("descriptors more than before", last.descriptors - first.descriptors, 2, ""),
        Target("sockets more than before", last.sockets - first.sockets, 2, ""),
    ]
    notes = [
        f"{failed} of {readings[-1].calls} calls failed",
        f"from {SHORT_WARM_UP_CALLS} calls on: gateway {sooner[0]:.1f}, workers {sooner[1]:.1f} MiB in 10,000 calls",
    ]
    return Report("memory", METHOD, [], [], notes, targets=targets, tables=[Table("memory", columns, rows)])
