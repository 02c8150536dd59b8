"""What a call costs: processor time of the gateway and of a worker, with providers that answer at once."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from bench.report import Figure, Report
from tests.interop.continuity import from_ports, to_ports
from tests.interop.product import Product, ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech
from tests.peers.capture import capture
from tests.peers.ports import free_ports
from tests.peers.rtp import pacing
from tests.peers.sipp import SippPlan, running_sipp

SUMMARY = "processor time per call of gateway and worker at 50 conversations, providers that answer at once"
METHOD = (
    "SIPp calls that speak (PCMU, one question every 4 s, answered in tones); processor time from /proc over 10 s with "
    "all calls up, less 5 s of the same processes idle; fast VAD, recording and gRPC batching included"
)
CALLS = 50
_IDLE_SECONDS, _BUSY_SECONDS = 5, 10
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Processes:
    """The gateway and its children."""

    gateway: int
    workers: list[int]

    @classmethod
    def of(cls, product: Product) -> Processes:
        pid = product.child.pid
        return cls(pid, [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()])

    def seconds(self) -> tuple[float, float]:
        """Processor time used so far by the gateway, and by its workers together."""
        return _used(self.gateway), sum(_used(pid) for pid in self.workers)


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def _cores(processes: Processes, seconds: float) -> tuple[float, float]:
    """Cores used by gateway and workers over the next `seconds`."""
    before = processes.seconds()
    await asyncio.sleep(seconds)
    after = processes.seconds()
    return (after[0] - before[0]) / seconds, (after[1] - before[1]) / seconds


async def measure(folder: Path) -> Report:
    """Run it; about a minute."""
    plan = ProductPlan(
        folder / "parley",
        fake_assistant(reply="one two three"),
        changes={"sip": {"max_calls": 2 * CALLS}, "worker": {"capacity": 2 * CALLS}},
        rtp_ports=free_ports(8 * CALLS),
    )
    async with running_product(plan) as product:
        processes = Processes.of(product)
        idle = await _cores(processes, _IDLE_SECONDS)
        audio = speech.join(speech.synthetic("Can you hear me?"), speech.silence(3000))
        hold_ms = (_BUSY_SECONDS + 10) * 1000
        calls = SippPlan(
            "talking_call",
            product.address,
            folder / "sipp",
            calls=CALLS,
            at_once=CALLS,
            rate=20,
            hold_ms=hold_ms,
            audio=audio,
        )
        async with running_sipp(calls) as running:
            await product.wait_until_active(CALLS, seconds=20)
            await asyncio.sleep(2)
            async with capture(folder, ports=plan.rtp_ports) as captured:
                busy = await _cores(processes, _BUSY_SECONDS)
            result = await running.result(seconds=60)
    datagrams = captured.datagrams()
    ours = [pacing(stream.packets).gap_p999_ms for stream in from_ports(datagrams, plan.rtp_ports)]
    theirs = [pacing(stream.packets).gap_p999_ms for stream in to_ports(datagrams, plan.rtp_ports)]
    figures = [
        Figure.of("gateway, of a core per call", [100 * (busy[0] - idle[0]) / CALLS], unit="%"),
        Figure.of("worker, of a core per call", [100 * (busy[1] - idle[1]) / CALLS], unit="%"),
        Figure.of("p99.9 gap of each of our streams", ours),
    ]
    notes = [f"{result.successful} of {CALLS} calls were completed", f"idle: {idle[0]:.3f} and {idle[1]:.3f} cores"]
    return Report("capacity", METHOD, figures, [Figure.of("p99.9 gap of each SIPp stream", theirs)], notes)
