"""Calls whose workers are killed, or stand still, in the middle of a sentence: what the callers heard."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from gateway.config.loading import load
from gateway.worker.server import serve_worker
from tests.faults.child import end_with_parent, output_to, start
from tests.faults.counting import PAUSE_MS, WORD_MS, Heard, words_in
from tests.interop.continuity import FRAME_MS
from tests.interop.product import Product, ProductPlan, running_product
from tests.peers.capture import capture
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.rtp import RtpStream, pacing, streams
from tests.sip.party import party

FREEZE_SECONDS = 1.5
WORKERS = 3
"""Of which one may be dead, and one just starting."""
LOOK_SECONDS = 0.05


class Fate(StrEnum):
    """What becomes of a worker."""

    KILLED = "killed"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Round:
    """Some calls at once, whose callers are told `words`, and what becomes of their workers, one after the other."""

    fates: Sequence[Fate]
    seed: int = 0
    calls: int = 5
    words: int = 40
    first_seconds: tuple[float, float] = (1.2, 2.0)
    """From the first call to the first loss; it is as long from loss to loss."""
    tail_seconds: float = 3.5
    """That a caller stays longer than the words take."""

    @property
    def name(self) -> str:
        """Different for different rounds."""
        return f"round-{self.seed}-{'-'.join(self.fates)}"


def serve(settings: Path, listen: str, log: Path) -> None:
    """A worker as a child process."""
    end_with_parent()
    output_to(log)
    asyncio.run(serve_worker(load(settings), listen=listen, on_ready=lambda address: None))


@dataclass(slots=True)
class Crew:
    """Workers of our own, so that the dead are replaced at once."""

    folder: Path
    addresses: Sequence[str]
    _running: dict[str, ForkServerProcess] = field(default_factory=dict)

    def begin(self) -> None:
        for address in self.addresses:
            self._start(address)

    def lose(self, address: str, fate: Fate) -> None:
        """Kill it as the kernel would, and begin another one in its place; or let it stand still for a while."""
        process = self._running[address]
        assert process.pid is not None
        if fate is Fate.KILLED:
            process.kill()
            process.join()
            self._start(address)
        else:
            os.kill(process.pid, signal.SIGSTOP)
            asyncio.get_running_loop().call_later(FREEZE_SECONDS, os.kill, process.pid, signal.SIGCONT)

    def end(self) -> None:
        for process in self._running.values():
            process.kill()

    def _start(self, address: str) -> None:
        self._running[address] = start(serve, self.folder / "parley.yaml", address, self.folder / "workers.log")


@dataclass(frozen=True, slots=True)
class Loss:
    """When a worker was lost, ns of the wall clock, and the calls that it had."""

    at_ns: int
    calls: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one call, whose id is `call`: `silences_ms` after each of its losses, within the sentence."""

    call: str
    losses: int
    missing: list[int]
    repeated: list[int]
    silences_ms: list[float]
    gap_ms: float
    reason: str


@asynccontextmanager
async def office(folder: Path, assistant: Mapping[str, Any]) -> AsyncIterator[tuple[Product, Crew]]:
    """A gateway with workers that can be lost."""
    addresses = [f"{LOOPBACK}:{free_port()}" for _ in range(WORKERS)]
    changes = {"worker": {"count": 0, "addresses": addresses}}
    crew = Crew(folder, addresses)
    try:
        asyncio.get_running_loop().call_later(0.5, crew.begin)
        async with running_product(ProductPlan(folder, assistant, changes=changes)) as product:
            await _attached(product, WORKERS)
            yield product, crew
    finally:
        crew.end()


async def lose_workers(product: Product, crew: Crew, plan: Round) -> list[Outcome]:
    """One round: those workers are lost that have the most calls."""
    chance = random.Random(plan.seed)
    losses: list[Loss] = []
    before = {record["id"] for record in product.records()}
    folder = product.plan.folder / plan.name
    await asyncio.to_thread(folder.mkdir)
    async with capture(folder, ports=product.plan.rtp_ports) as captured, asyncio.TaskGroup() as group:
        callers = [group.create_task(_caller(product, plan, chance.uniform(0, 0.5))) for _ in range(plan.calls)]
        for fate in plan.fates:
            await asyncio.sleep(chance.uniform(*plan.first_seconds))
            await _attached(product, 2)
            losses.append(_lose_one(product, crew, fate))
    await product.wait_for_records(len(before) + plan.calls)
    records = [record for record in product.records() if record["id"] not in before]
    heard = {stream.destination[1]: stream for stream in _agents(product, captured.datagrams())}
    outcomes = []
    for caller in callers:
        port, user = caller.result()
        (record,) = [one for one in records if one["caller"].startswith(f"sip:{user}@") or user in one["called"]]
        times = [loss.at_ns for loss in losses if record["id"] in loss.calls]
        outcomes.append(judge(heard[port], times, record, plan.words))
    return outcomes


def _lose_one(product: Product, crew: Crew, fate: Fate) -> Loss:
    holders = _holders(product)
    victim = max(crew.addresses, key=lambda address: sum(one == address for one in holders.values()))
    loss = Loss(time.time_ns(), frozenset(call for call, holder in holders.items() if holder == victim))
    crew.lose(victim, fate)
    return loss


def judge(stream: RtpStream, losses: Sequence[int], record: Mapping[str, Any], count: int) -> Outcome:
    """What one caller heard, who was told `count` words."""
    words = words_in(stream)
    numbers = [word.number for word in words]
    return Outcome(
        call=str(record["id"]),
        losses=len(losses),
        missing=sorted(set(range(count)) - set(numbers)),
        repeated=[number for at, number in enumerate(numbers) if number in numbers[:at]],
        silences_ms=[_silence_ms(words, at_ns) for at_ns in losses],
        gap_ms=pacing(stream.packets).gap_max_ms,
        reason=str(record["end_reason"]),
    )


def _silence_ms(words: Sequence[Heard], at_ns: int) -> float:
    """The longest silence between two words from the loss on, until the next loss would have been over."""
    gaps = [
        (after.start_ns - max(before.end_ns, at_ns)) / 1e6 - FRAME_MS
        for before, after in pairwise(words)
        if after.start_ns > at_ns and before.start_ns < at_ns + 4e9
    ]
    return max(gaps, default=0.0)


async def _caller(product: Product, plan: Round, wait: float) -> tuple[int, str]:
    """Listens to all that is said."""
    await asyncio.sleep(wait)
    async with party(product.address) as ann:
        ann.user = f"7{ann.rtp_port}"
        await ann.call()
        await asyncio.sleep(plan.words * (WORD_MS + PAUSE_MS) / 1000 + plan.tail_seconds)
        await ann.bye()
        return ann.rtp_port, ann.user


def _holders(product: Product) -> dict[str, str]:
    """Which worker has each live call, by its journal."""
    found = {}
    for path in (product.plan.data / "calls").glob("*.journal"):
        for line in path.read_text(errors="replace").splitlines():
            if '"kind": "worker"' in line:
                found[path.stem] = json.JSONDecoder().raw_decode(line[line.index("{") :])[0]["data"]["worker"]
    return found


async def _attached(product: Product, count: int) -> None:
    async with asyncio.timeout(30):
        while await product.metric("parley_worker_up") < count:  # noqa: ASYNC110  a figure, not an event
            await asyncio.sleep(LOOK_SECONDS)


def _agents(product: Product, datagrams: Sequence[object]) -> list[RtpStream]:
    first, last = product.plan.rtp_ports
    return [one for one in streams(datagrams) if first <= one.source[1] <= last]  # type: ignore[arg-type]
