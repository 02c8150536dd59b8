"""What a call costs, and how evenly its audio leaves: 10 to 200 calls, as an echo and as whole conversations."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.load.generator import LoadPlan, LoadResult, running_echo, running_load, write_audio
from bench.processes import Processes, Used, resident_mib
from bench.report import Report, Table, Target
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.peers.process import ChildProcess

SUMMARY = "processor time per call, memory per call and pacing of RTP at 10 to 200 calls (--all: longer)"
METHOD = (
    "calls of the load generator (bench/load, C: PCMU by an absolute clock, times of arrival by the kernel), all "
    "held at once; each caller asks a question every 4 s, on a line with noise at -65 dBFS; processor time by the "
    "scheduler's count over the window, less the same processes idle; fast VAD, recording and gRPC batching "
    "included. Echo: a worker that returns each frame. Conversation: two workers with Silero, turn machine and "
    "the rest, whose transcriber, model and voice answer at once. A gap is between packets of one call that "
    "follow each other; worst call: the p99.9 of the call where it is highest. Reference: a C program that "
    "returns each packet as it comes"
)
LADDER = (10, 25, 50, 100, 200)
MOST = max(LADDER)
WORKERS = 2
PCMU_BUDGET = 0.25
"""Of a core per call, %."""
PACING_BUDGET_MS = 40.0
BUDGET_CALLS = 100
_NOISE_DBFS, _FULL_SCALE = -65.0, 32768
_IDLE_SECONDS, _USUAL_MS, _LONG_MS = 5, 10_000, 30_000
_COLUMNS = (
    "calls", "held", "gateway %", "workers %", "gateway MiB", "gap p50", "p99", "p99.9", "max", "worst call", "lost",
    "answered %", "answer p50", "answer p95", "own late p99.9", "generator %",
)  # fmt: skip
"""% of a core per call, ms."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One number of calls, of which the gateway may have refused some: what is said of a call is of those it held.
    Cores are those of the window, less what the processes use without a call."""

    calls: int
    result: LoadResult
    window_ms: int
    gateway_cores: float
    worker_cores: float
    grown_mib: float

    @property
    def held(self) -> int:
        return max(1, self.result.answered)

    @property
    def gateway_percent(self) -> float:
        return 100 * self.gateway_cores / self.held

    @property
    def answered_percent(self) -> float:
        """Questions that had an answer before the next: fewer, and the processor was short."""
        return 100 * self.result.answers / max(1, self.result.answers + self.result.missed)

    def row(self) -> list[float | str]:
        found, gaps = self.result, self.result.gaps
        generator = found.window_processor_ms / self.window_ms
        return [
            *(self.calls, self.result.answered),
            round(self.gateway_percent, 3),
            round(100 * self.worker_cores / self.held, 3),
            round(self.grown_mib / self.held, 2),
            *(gaps.p50, gaps.p99, gaps.p999, gaps.max, found.worst_call_p999, found.lost),
            round(self.answered_percent, 1),
            *(found.reply.p50, found.reply.p95, found.late.p999),
            round(100 * generator / self.held, 3),
        ]


async def measure(folder: Path, everything: bool = False) -> Report:
    """Run it; about five minutes."""
    window_ms = _LONG_MS if everything else _USUAL_MS
    audio = write_audio(folder / "question.ulaw", question())
    reference = await _reference(folder, audio, window_ms)
    async with echoing(folder) as (port, processes):
        echo = await climb(LoadPlan(port, 1, window_ms=window_ms, audio=audio, echo=True), processes)
    async with conversing(folder) as (port, processes):
        talk = await climb(LoadPlan(port, 1, window_ms=window_ms, audio=audio), processes)
    tables = [
        Table("echo", _COLUMNS, [rung.row() for rung in echo]),
        Table("conversation", _COLUMNS, [rung.row() for rung in talk]),
        Table("reference: echo in C", _COLUMNS, [rung.row() for rung in reference]),
    ]
    failed = sum(rung.result.failed + rung.result.ended_by_far_end for rung in (*echo, *talk))
    notes = [f"{failed} calls were refused, or ended by the gateway"]
    return Report("capacity", METHOD, [], [], notes, targets=_targets(echo, talk), tables=tables)


def _targets(echo: Sequence[Rung], talk: Sequence[Rung]) -> list[Target]:
    (echoed,) = (rung for rung in echo if rung.calls == BUDGET_CALLS)
    (talked,) = (rung for rung in talk if rung.calls == BUDGET_CALLS)
    return [
        # First of all: what is starved of the processor costs little.
        Target(f"questions answered, {BUDGET_CALLS} conversations", talked.answered_percent, 99, "%", at_least=True),
        Target(f"calls held of {BUDGET_CALLS}", talked.result.answered, BUDGET_CALLS, "", at_least=True),
        Target(f"gateway per echoing call, {BUDGET_CALLS} calls", echoed.gateway_percent, PCMU_BUDGET, "%"),
        Target(f"gateway per conversation, {BUDGET_CALLS} calls", talked.gateway_percent, PCMU_BUDGET, "%"),
        Target(f"p99.9 pacing, {BUDGET_CALLS} conversations", talked.result.gaps.p999, PACING_BUDGET_MS),
        Target(f"p99.9 of the worst of {BUDGET_CALLS} calls", talked.result.worst_call_p999, PACING_BUDGET_MS),
    ]


def question() -> speech.Samples:
    """Four seconds: time for the answer to the one before, then the question, on a line with its noise."""
    said = speech.synthetic("Can you hear me?")
    clean = speech.join(speech.silence(1500), said, speech.silence(max(0, 2500 - len(said) // 8)))
    noise = np.random.default_rng(1).standard_normal(len(clean)) * _FULL_SCALE * 10 ** (_NOISE_DBFS / 20)
    noisy: speech.Samples = np.clip(clean + noise, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    return noisy


async def climb(plan: LoadPlan, processes: Processes, ladder: Sequence[int] = LADDER) -> list[Rung]:
    """The same calls, more of them each time."""
    before = processes.used()
    await asyncio.sleep(_IDLE_SECONDS)
    idle = tuple(cores / _IDLE_SECONDS for cores in _cores(processes, before))
    base_mib = resident_mib(processes.gateway)
    rungs = []
    for calls in ladder:
        found = await _climb_to(calls, plan, processes)
        result, gateway, workers, mib = found
        rungs.append(Rung(calls, result, plan.window_ms, gateway - idle[0], workers - idle[1], mib - base_mib))
    return rungs


async def _climb_to(calls: int, plan: LoadPlan, processes: Processes) -> tuple[LoadResult, float, float, float]:
    this = LoadPlan(plan.port, calls, window_ms=plan.window_ms, audio=plan.audio, echo=plan.echo)
    async with running_load(this) as run:
        await run.until("window")
        before = processes.used()
        await run.until("window-end")
        seconds = this.window_ms / 1000
        gateway, workers = (cores / seconds for cores in _cores(processes, before))
        mib = resident_mib(processes.gateway)
        return await run.result(), gateway, workers, mib


def _cores(processes: Processes, before: tuple[Used, list[Used]]) -> tuple[float, float]:
    """Seconds that gateway and workers have used since."""
    gateway, workers = processes.used()
    each = zip(workers, before[1], strict=True)
    return sum(gateway.since(before[0]).values()), sum(sum(now.since(then).values()) for now, then in each)


async def _reference(folder: Path, audio: Path, window_ms: int) -> list[Rung]:
    async with running_echo(folder) as (port, pid):
        plan = LoadPlan(port, 1, window_ms=window_ms // 2, audio=audio, echo=True)
        return await climb(plan, Processes(pid, []), (BUDGET_CALLS, MOST))


@asynccontextmanager
async def echoing(folder: Path) -> AsyncIterator[tuple[int, Processes]]:
    """A gateway whose worker says what the caller says: its SIP port, and its processes."""
    address = f"{LOOPBACK}:{free_port()}"
    command = [sys.executable, "-m", "bench.load.echo_worker", address.rpartition(":")[2]]
    worker = await ChildProcess.start(command, log=folder / "echo-worker.log")
    try:
        workers = {"count": 0, "addresses": [address], "capacity": 2 * MOST}
        async with running_product(_plan(folder / "echo", workers)) as product:
            yield product.plan.sip_port, Processes(product.child.pid, [worker.pid])
    finally:
        await worker.stop()


@asynccontextmanager
async def conversing(folder: Path) -> AsyncIterator[tuple[int, Processes]]:
    """A gateway with workers whose providers answer at once: its SIP port, and its processes."""
    async with running_product(_plan(folder / "conversation", {"count": WORKERS, "capacity": MOST})) as product:
        yield product.plan.sip_port, Processes.of(product)


def _plan(folder: Path, workers: dict[str, Any]) -> ProductPlan:
    changes = {"sip": {"max_calls": 2 * MOST}, "worker": workers}
    ports = free_ports(6 * MOST)
    return ProductPlan(folder, fake_assistant(reply="one two three"), changes=changes, rtp_ports=ports)
