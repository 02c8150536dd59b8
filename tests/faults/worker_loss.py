"""Calls whose workers are killed, or stand still, in the middle of a sentence: what the callers heard."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from gateway.config.loading import load
from gateway.worker.server import serve_worker
from tests.faults.child import end_with_parent, output_to, start
from tests.faults.counting import Heard, counting_assistant, words_in
from tests.interop.continuity import FRAME_MS
from tests.interop.product import Product, ProductPlan, running_product
from tests.peers.capture import capture
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.rtp import RtpStream, pacing, streams
from tests.sip.party import party

WORDS = 40
CALLS = 5
FREEZE_SECONDS = 1.5


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

    def kill(self, address: str) -> None:
        """As the kernel would; another one begins in its place."""
        self._running[address].kill()
        self._running[address].join()
        self._start(address)

    async def freeze(self, address: str) -> None:
        pid = self._running[address].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(FREEZE_SECONDS)
        os.kill(pid, signal.SIGCONT)

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
    """Of one call: `silences_ms` after each of its losses, within the sentence."""

    losses: int
    missing: list[int]
    repeated: list[int]
    silences_ms: list[float]
    gap_ms: float
    reason: str


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[tuple[Product, Crew]]:
    """A gateway with two workers that can be killed."""
    addresses = [f"{LOOPBACK}:{free_port()}" for _ in range(2)]
    changes = {"worker": {"count": 0, "addresses": addresses}}
    crew = Crew(folder, addresses)
    plan = ProductPlan(folder, counting_assistant(WORDS), changes=changes)
    try:
        asyncio.get_running_loop().call_later(0.5, crew.begin)
        async with running_product(plan) as product:
            await _all_attached(product, len(addresses))
            yield product, crew
    finally:
        crew.end()


async def lose_workers(product: Product, crew: Crew, *, freeze: bool, seed: int, calls: int = CALLS) -> list[Outcome]:
    """One round: some calls at once, and each worker is lost once while they are told a long sentence."""
    chance = random.Random(seed)
    losses: list[Loss] = []
    before = {record["id"] for record in product.records()}
    folder = product.plan.folder / f"round-{seed}-{freeze}"
    await asyncio.to_thread(folder.mkdir)
    async with capture(folder, ports=product.plan.rtp_ports) as captured, asyncio.TaskGroup() as group:
        ports = [group.create_task(_caller(product, chance.uniform(0, 1))) for _ in range(calls)]
        for _ in crew.addresses:
            await asyncio.sleep(chance.uniform(1.6, 2.6))
            await _all_attached(product, len(crew.addresses))
            holders = _holders(product)
            victim = max(crew.addresses, key=lambda address: sum(one == address for one in holders.values()))
            calls_of = frozenset(call for call, holder in holders.items() if holder == victim)
            losses.append(Loss(time.time_ns(), calls_of))
            if freeze:
                await crew.freeze(victim)
            else:
                await asyncio.to_thread(crew.kill, victim)
    await product.wait_for_records(len(before) + calls)
    records = {record["id"]: record for record in product.records() if record["id"] not in before}
    heard = {stream.destination[1]: stream for stream in _agents(product, captured.datagrams())}
    outcomes = []
    for task in ports:
        port, user = task.result()
        (record,) = [
            one for one in records.values() if one["caller"].startswith(f"sip:{user}@") or user in one["called"]
        ]
        outcomes.append(judge(heard[port], [loss.at_ns for loss in losses if record["id"] in loss.calls], record))
    return outcomes


def judge(stream: RtpStream, losses: Sequence[int], record: dict[str, object]) -> Outcome:
    """What one caller heard."""
    words = words_in(stream)
    numbers = [word.number for word in words]
    repeated = [number for at, number in enumerate(numbers) if number in numbers[:at]]
    return Outcome(
        losses=len(losses),
        missing=sorted(set(range(WORDS)) - set(numbers)),
        repeated=repeated,
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


async def _caller(product: Product, wait: float) -> tuple[int, str]:
    """Listens to all that is said."""
    await asyncio.sleep(wait)
    async with party(product.address) as ann:
        ann.user = f"7{ann.rtp_port}"
        await ann.call()
        await asyncio.sleep(WORDS * 0.2 + 4.5)
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


async def _all_attached(product: Product, count: int) -> None:
    async with asyncio.timeout(30):
        while await product.metric("parley_worker_up") < count:  # noqa: ASYNC110  a figure, not an event
            await asyncio.sleep(0.05)


def _agents(product: Product, datagrams: Sequence[object]) -> list[RtpStream]:
    first, last = product.plan.rtp_ports
    return [one for one in streams(datagrams) if first <= one.source[1] <= last]  # type: ignore[arg-type]
