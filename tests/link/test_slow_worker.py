"""A worker that reads at half the speed: its calls lose their oldest audio, nothing grows, others notice nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.link.link import LinkCall, WorkerLink
from gateway.link.outbox import AUDIO_LIMIT_MS
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from tests.link.worker_double import WorkerDouble, serving, until

CALLS = 8
SPEED = 50
"""Times faster than calls are, so that a minute takes a second."""
PERIOD_MS = 30_000
STEP_MS = 400
PCM = bytes(FRAME_BYTES)

FIXED_WINDOW = ("grpc.http2.bdp_probe", 0)
"""Or gRPC would take more and more from a sender that is this fast."""

Spans = dict[int, list[tuple[int, int]]]


class Reader(WorkerDouble):
    """Takes `slowness` times as long for a tick as its audio lasts, and keeps when the audio was."""

    def __init__(self, slowness: float) -> None:
        super().__init__()
        self.slowness = slowness
        self.spans: Spans = defaultdict(list)

    async def _read(self, ticks: AsyncIterator[pb.GatewayTick]) -> None:
        async for tick in ticks:
            audio = [(event.call, event.audio) for event in tick.events if event.HasField("audio")]
            for call, one in audio:
                self.spans[call].append((one.at_ms, one.at_ms + len(one.pcm) // FRAME_BYTES * FRAME_MS))
            milliseconds = sum(len(one.pcm) for _, one in audio) / FRAME_BYTES * FRAME_MS / CALLS
            await asyncio.sleep(self.slowness * milliseconds / 1000 / SPEED)

    def read_ms(self, call: LinkCall) -> int:
        return sum(end - start for start, end in self.spans[call.number])


class Nobody:
    """A call that listens to nothing."""

    def __init__(self) -> None:
        self.lost = False

    def on_worker_event(self, event: pb.WorkerEvent) -> None:
        """Nothing comes."""

    def on_worker_lost(self, detail: str, *, frozen: bool = False) -> None:
        self.lost = True


@asynccontextmanager
async def calls_at(worker: Reader) -> AsyncIterator[list[LinkCall]]:
    """Calls on a real stream to a worker."""
    async with serving(worker, options=[FIXED_WINDOW]):
        link = WorkerLink("test", worker.address)
        running = asyncio.create_task(link.run())
        await until(lambda: link.attached)
        callers = [Nobody() for _ in range(CALLS)]
        try:
            yield [link.open(caller) for caller in callers]
            assert not any(caller.lost for caller in callers)
        finally:
            running.cancel()
            await asyncio.wait((running,))


async def speak(calls: list[LinkCall], from_ms: int, to_ms: int) -> None:
    """All callers speak, SPEED times as fast as they can, or as fast as the machine lets them."""
    loop = asyncio.get_running_loop()
    last, at_ms = loop.time(), from_ms
    while at_ms < to_ms:
        await asyncio.sleep(0.002)
        # whoever sends for them shall be no later than they are
        passed_ms = min(STEP_MS, (loop.time() - last) * 1000 * SPEED)
        last, until_ms = loop.time(), at_ms + passed_ms
        while at_ms < min(to_ms, until_ms):
            for call in calls:
                call.send_frame(at_ms, PCM)
            at_ms += FRAME_MS


def under_way_ms(calls: list[LinkCall], worker: Reader, sent_ms: int) -> int:
    """Audio that was neither read nor dropped: in the outbox, and in gRPC and the kernel."""
    return sum(sent_ms - call.dropped_ms - worker.read_ms(call) for call in calls)


@pytest.mark.scenario("LOAD-10", peer="mock worker", transport="grpc")
async def test_a_worker_that_reads_at_half_the_speed_loses_the_oldest_audio_of_its_own_calls() -> None:
    slow, fast = Reader(slowness=2.0), Reader(slowness=0.0)
    async with calls_at(slow) as slow_calls, calls_at(fast) as fast_calls:
        waited_ms = []
        for period in range(4):
            await speak(slow_calls + fast_calls, period * PERIOD_MS, (period + 1) * PERIOD_MS)
            waited_ms.append(under_way_ms(slow_calls, slow, (period + 1) * PERIOD_MS))
        slow.slowness = 0.0
        sent_ms = 4 * PERIOD_MS
        await until(lambda: under_way_ms(slow_calls, slow, sent_ms) == 0)
        await until(lambda: under_way_ms(fast_calls, fast, sent_ms) == 0)
    assert waited_ms[-1] <= waited_ms[1] + CALLS * AUDIO_LIMIT_MS, f"it grows: {waited_ms}"
    for call in slow_calls:
        spans = slow.spans[call.number]
        assert call.dropped_ms > 0
        assert spans == sorted(spans), "in order"
        assert spans[-1][1] == sent_ms, "the newest is there"
    assert [call.dropped_ms for call in fast_calls] == [0] * CALLS
