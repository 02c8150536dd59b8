"""SIPp: scripted SIP calls, one or many at once. Scenarios are in `sipp_scenarios`, each says what it does."""

from __future__ import annotations

import audioop
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.missing import program
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.peers.process import ChildProcess, PeerFailed
from tests.peers.speech import Samples

_SCENARIOS = Path(__file__).parent / "sipp_scenarios"
_SUCCESSFUL, _FAILED = "SuccessfulCall(C)", "FailedCall(C)"


@dataclass(frozen=True, slots=True)
class SippPlan:
    """`calls` in all, at most `at_once` at a time, `rate` new ones a second; each kept `hold_ms` where it pauses."""

    scenario: str
    target: str
    folder: Path
    number: str = "100"
    calls: int = 1
    at_once: int = 1
    rate: float = 10
    hold_ms: int = 1000
    transport: str = "udp"
    audio: Samples | None = None
    sip_port: int = field(default_factory=free_port)
    rtp_ports: tuple[int, int] = field(default_factory=lambda: free_ports(128))


@dataclass(frozen=True, slots=True)
class SippResult:
    successful: int
    failed: int
    errors: str


class SippRun:
    """SIPp at work."""

    def __init__(self, plan: SippPlan, child: ChildProcess) -> None:
        self.plan = plan
        self._child = child

    async def result(self, *, seconds: float) -> SippResult:
        """Wait for its end.

        :raises PeerFailed: when it runs longer than `seconds`, or could not run at all
        """
        status = await self._child.finished(seconds=seconds)
        errors = self.plan.folder / "errors.log"
        text = errors.read_text(errors="replace") if errors.exists() else ""
        statistics = self.plan.folder / "statistics.csv"
        if not statistics.exists():
            raise PeerFailed(f"SIPp did not run (status {status}).\n{self._child.tail()}\n{text[-1000:]}")
        with statistics.open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return SippResult(int(last[_SUCCESSFUL]), int(last[_FAILED]), text[-4000:])

    async def stop(self) -> None:
        await self._child.stop()


@asynccontextmanager
async def running_sipp(plan: SippPlan) -> AsyncIterator[SippRun]:
    """SIPp while the block runs. :raises PeerMissing: when it is not installed."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    if plan.audio is not None:
        (plan.folder / "audio.ulaw").write_bytes(audioop.lin2ulaw(plan.audio.tobytes(), 2))
    child = await ChildProcess.start(_arguments(plan), log=plan.folder / "sipp.log", cwd=plan.folder)
    try:
        yield SippRun(plan, child)
    finally:
        await child.stop()


async def sipp(plan: SippPlan, *, seconds: float) -> SippResult:
    """Run a plan to its end. :raises PeerFailed: as `SippRun.result`."""
    async with running_sipp(plan) as run:
        return await run.result(seconds=seconds)


def _arguments(plan: SippPlan) -> list[str]:
    arguments = [program("sipp", "sip-tester"), plan.target, "-sf", str(_SCENARIOS / f"{plan.scenario}.xml")]
    arguments += ["-s", plan.number, "-i", LOOPBACK, "-p", str(plan.sip_port), "-mi", LOOPBACK]
    arguments += ["-mp", str(plan.rtp_ports[0])]
    arguments += ["-m", str(plan.calls), "-l", str(plan.at_once), "-r", str(plan.rate), "-d", str(plan.hold_ms)]
    arguments += ["-t", "t1" if plan.transport == "tcp" else "u1", "-nostdin", "-recv_timeout", "40000"]
    arguments += ["-trace_err", "-error_file", "errors.log", "-trace_stat", "-stf", "statistics.csv"]
    return [*arguments, "-fd", "1"]
