"""Calls of the load generator, and what it measured of them."""

from __future__ import annotations

import asyncio
import audioop
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load.programs import compiled
from tests.peers.ports import free_port
from tests.peers.process import ChildProcess, PeerFailed
from tests.peers.speech import Samples

_LATE_SECONDS = 60.0
"""For what the generator waits for by itself: a call that nobody answers, or ends."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """`calls` to `port` of 127.0.0.1, `rate` new ones a second. With `window_ms` all are held at once and watched for
    so long; with `hold_ms` each is kept so long, at most `at_once` of them at a time.

    :ivar audio: PCMU that a caller says over and over; None for silence
    :ivar echo: the answer to the audio is the audio itself, not what is said after it
    """

    port: int
    calls: int
    rate: float = 25
    window_ms: int = 0
    settle_ms: int = 4000
    hold_ms: int = 0
    at_once: int = 0
    audio: Path | None = None
    echo: bool = False

    @property
    def seconds(self) -> float:
        """How long it takes at most."""
        held = self.settle_ms + self.window_ms if self.window_ms else self.hold_ms
        return self.calls / self.rate + held / 1000 + 2 * _LATE_SECONDS

    def arguments(self) -> list[str]:
        """Of the program."""
        named = {"port": self.port, "calls": self.calls, "rate": self.rate, "audio": self.audio}
        if self.window_ms:
            named |= {"window": self.window_ms, "settle": self.settle_ms}
        else:
            named |= {"hold": self.hold_ms, "at-once": self.at_once or self.calls}
        words = [word for name, value in named.items() if value is not None for word in (f"--{name}", str(value))]
        return [*words, *(["--echo"] if self.echo else [])]


@dataclass(frozen=True, slots=True)
class Times:
    """Of `count` measured times, in ms; all 0 without any."""

    count: int
    p50: float
    p95: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True, slots=True)
class LoadResult:
    """`gaps` are between packets that follow each other in a call, by the kernel's time of arrival; `widest` the widest
    of each call; `reply` from the end of what a caller said to the first sound of the answer, or the delay of an echo;
    `missed` counts questions that had no answer until the next; `late` is how far the generator itself was behind its
    clock."""

    answered: int
    failed: int
    completed: int
    ended_by_far_end: int
    failures: dict[str, int]
    sent: int
    received: int
    lost: int
    missed: int
    answers: int
    overflows: int
    window_processor_ms: float
    worst_call_p999: float
    setup: Times
    gaps: Times
    widest: Times
    reply: Times
    late: Times

    @classmethod
    def of(cls, told: dict[str, Any]) -> LoadResult:
        """From the program's last line."""
        times = {name: Times(**told[name]) for name in ("setup", "gaps", "widest", "reply", "late")}
        return cls(**{name: times.get(name, told[name]) for name in cls.__slots__})


class LoadRun:
    """The generator at work."""

    def __init__(self, plan: LoadPlan, process: asyncio.subprocess.Process) -> None:
        self.plan = plan
        self._process = process

    async def until(self, event: str) -> dict[str, Any]:
        """Wait until it tells this: `up`, `window`, `window-end` or `result`.

        :raises PeerFailed: when it does not
        """
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(self.plan.seconds):
                async for line in self._process.stdout:
                    told: dict[str, Any] = json.loads(line)
                    if told["event"] == event:
                        return told
        except TimeoutError:
            raise PeerFailed(f"The load generator told no {event} within {self.plan.seconds:.0f} s.") from None
        raise PeerFailed(f"The load generator ended before {event}.")

    async def result(self) -> LoadResult:
        """Wait for its end. :raises PeerFailed: when it does not come to it"""
        return LoadResult.of(await self.until("result"))


@asynccontextmanager
async def running_load(plan: LoadPlan) -> AsyncIterator[LoadRun]:
    """The generator while the block runs. :raises PeerMissing: without a compiler"""
    load = await asyncio.to_thread(compiled, "load")
    process = await asyncio.create_subprocess_exec(
        load, *plan.arguments(), stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        yield LoadRun(plan, process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def running_echo(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """The least that answers calls, in C: its port and its process id."""
    echo, port = await asyncio.to_thread(compiled, "echo"), free_port()
    child = await ChildProcess.start([str(echo), str(port)], log=folder / "echo.log")
    try:
        for _ in range(50):
            child.require_running()
            if "ready" in child.tail():
                break
            await asyncio.sleep(0.1)
        yield port, child.pid
    finally:
        await child.stop()


def write_audio(path: Path, samples: Samples) -> Path:
    """A file for `LoadPlan.audio`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audioop.lin2ulaw(samples.tobytes(), 2))
    return path
