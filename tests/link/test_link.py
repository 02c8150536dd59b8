"""The stream to one worker, over a real gRPC server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from grpc_health.v1 import health_pb2

from gateway.errors import LinkError
from gateway.link import link as link_module
from gateway.link.link import WorkerLink
from gateway.link.v1 import link_pb2 as pb
from tests.link.worker_double import WorkerDouble, serving, until

PCM = b"\x01\x02" * 160
START = pb.GatewayEvent(start=pb.StartCall(call_id="c"))


class Listener:
    """Keeps what comes."""

    def __init__(self) -> None:
        self.events: list[pb.WorkerEvent] = []
        self.lost: list[str] = []

    def on_worker_event(self, event: pb.WorkerEvent) -> None:
        self.events.append(event)

    def on_worker_lost(self, detail: str, *, frozen: bool = False) -> None:
        self.lost.append(detail)


@asynccontextmanager
async def attached(worker: WorkerDouble) -> AsyncIterator[WorkerLink]:
    link = WorkerLink("test", worker.address)
    running = asyncio.create_task(link.run())
    try:
        await until(lambda: link.attached and link.load.capacity == worker.load.capacity)
        yield link
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_events_reach_the_worker_and_its_answers_the_call() -> None:
    async with serving(WorkerDouble()) as worker, attached(worker) as link:
        listener = Listener()
        call = link.open(listener)
        call.send(START)
        await until(lambda: listener.events)
        assert listener.events[0].HasField("accepted")
        assert worker.events[0].start.call_id == "c"


async def test_all_calls_of_a_tick_travel_in_one_message() -> None:
    async with serving(WorkerDouble()) as worker, attached(worker) as link:
        calls = [link.open(Listener()) for _ in range(20)]
        for tick in range(3):
            for call in calls:
                call.send_frame(tick * 20, PCM)
            await asyncio.sleep(0.05)
        await until(lambda: len(worker.got("audio")) == 60)
        assert [len(tick.events) for tick in worker.ticks] == [20, 20, 20]
        assert [tick.sequence for tick in worker.ticks] == [1, 2, 3]


async def test_frames_after_a_stall_are_one_span_per_call() -> None:
    async with serving(WorkerDouble()) as worker, attached(worker) as link:
        call = link.open(Listener())
        for tick in range(25):
            call.send_frame(tick * 20, PCM)
        await until(lambda: worker.got("audio"))
        (event,) = worker.got("audio")
        assert event.audio.pcm == PCM * 25


async def test_a_lost_stream_is_told_to_each_call_once_and_attached_again() -> None:
    worker = WorkerDouble()
    async with serving(worker), attached(worker) as link:
        listeners = [Listener() for _ in range(3)]
        calls = [link.open(listener) for listener in listeners]
        worker.hang_up_stream()
        await until(lambda: worker.streams == 2 and link.attached)
        assert [len(listener.lost) for listener in listeners] == [1, 1, 1]
        assert link.calls == 0
        for call in calls:
            call.send(START)
            call.send_frame(0, PCM)
        fresh = Listener()
        link.open(fresh).send(START)
        await until(lambda: fresh.events)
        assert len(worker.events) == 1, "a call of the lost stream still spoke"


async def test_no_call_can_be_opened_while_not_attached() -> None:
    link = WorkerLink("test", "127.0.0.1:1")
    with pytest.raises(LinkError, match="not attached"):
        link.open(Listener())


async def test_a_worker_that_is_not_serving_is_not_attached() -> None:
    async with serving(WorkerDouble()) as worker:
        await worker.health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        link = WorkerLink("test", worker.address)
        running = asyncio.create_task(link.run())
        await asyncio.sleep(0.3)
        assert not link.attached
        await worker.health.set("", health_pb2.HealthCheckResponse.SERVING)
        await until(lambda: link.attached)
        running.cancel()


async def test_a_worker_that_starts_to_drain_keeps_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "HEALTH_SECONDS", 0.02)
    async with serving(WorkerDouble()) as worker, attached(worker) as link:
        listener = Listener()
        call = link.open(listener)
        await worker.health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        worker.report_load(draining=True)
        await until(lambda: link.load.draining)
        await asyncio.sleep(0.2)
        assert not link.available
        assert not listener.lost
        call.send(START)
        await until(lambda: listener.events)


async def test_a_worker_that_hangs_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "HEALTH_SECONDS", 0.05)
    async with serving(WorkerDouble()) as worker, attached(worker) as link:
        listener = Listener()
        link.open(listener)

        async def hang(request: object, context: object) -> None:
            await asyncio.sleep(60)

        monkeypatch.setattr(worker.health, "Check", hang)

        # The servicer's method was bound when the server started, so take its place where the client asks.
        async def no_answer(*_: object) -> None:
            raise LinkError("no answer")

        monkeypatch.setattr(link, "_check", no_answer)
        await until(lambda: listener.lost)
        assert not link.attached


async def test_a_worker_that_does_not_read_is_lost_and_audio_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "WRITE_SECONDS", 0.5)
    async with serving(WorkerDouble()) as worker, attached(worker) as link:
        worker.reading.clear()
        listener = Listener()
        call = link.open(listener)
        tick = 0
        async with asyncio.timeout(20):
            while not listener.lost:
                for _ in range(400):
                    call.send_frame(tick * 20, PCM)
                    tick += 1
                await asyncio.sleep(0.002)
        assert call.dropped_ms > 0
        worker.reading.set()


async def test_a_link_ends_when_it_is_cancelled_while_its_stream_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(WorkerDouble()) as worker:
        link = WorkerLink("test", worker.address)
        running = asyncio.create_task(link.run())

        async def lose(stream: object) -> None:
            running.cancel()
            raise LinkError("lost")

        monkeypatch.setattr(link, "_read", lose)
        await asyncio.wait((running,), timeout=5)
        assert running.cancelled()


async def test_a_fault_in_one_call_leaves_the_others_alone() -> None:
    class Faulty(Listener):
        def on_worker_event(self, event: pb.WorkerEvent) -> None:
            raise ValueError("a bug")

    async with serving(WorkerDouble()) as worker, attached(worker) as link:
        faulty, sound = Faulty(), Listener()
        for listener in (faulty, sound):
            link.open(listener).send(START)
        await until(lambda: sound.events)
        assert link.attached
        assert not faulty.lost


async def test_after_close_nothing_more_is_told() -> None:
    async with serving(WorkerDouble()) as worker, attached(worker) as link:
        listener = Listener()
        call = link.open(listener)
        call.send(START)
        call.send(pb.GatewayEvent(end=pb.EndCall(reason="x")))
        call.close()
        await until(lambda: worker.got("end"))
        await asyncio.sleep(0.05)
        assert not listener.events
        worker.hang_up_stream()
        await until(lambda: worker.streams == 2)
        assert not listener.lost


async def test_a_full_worker_is_not_available() -> None:
    async with serving(WorkerDouble(capacity=2)) as worker, attached(worker) as link:
        link.open(Listener())
        assert link.available
        assert link.share == 0.5
        worker.report_load(active_calls=2)
        await until(lambda: link.load.active_calls == 2)
        assert not link.available
