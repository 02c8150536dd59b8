"""A worker that does as the test says: a real gRPC server with a scripted Conversation service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from gateway.link.v1 import link_pb2 as pb
from gateway.link.v1 import link_pb2_grpc as rpc

Script = Callable[["WorkerDouble", pb.GatewayEvent], Iterable[pb.WorkerEvent]]


def accept_all(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterable[pb.WorkerEvent]:
    """Accept every call, say nothing."""
    return [pb.WorkerEvent(accepted=pb.Accepted())] if event.HasField("start") else []


def _refuse_all(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterable[pb.WorkerEvent]:
    return [pb.WorkerEvent(refused=pb.Refused(reason="dead"))] if event.HasField("start") else []


class WorkerDouble(rpc.ConversationServicer):
    """Keeps what it got in `events`, sends what `script` answers to each event."""

    def __init__(self, script: Script = accept_all, *, capacity: int = 10) -> None:
        self.script = script
        self.load = pb.Load(capacity=capacity)
        self.ticks: list[pb.GatewayTick] = []
        self.events: list[pb.GatewayEvent] = []
        self.streams = 0
        self.address = ""
        self.reading = asyncio.Event()
        self.reading.set()
        self.health = HealthServicer()
        self._out: asyncio.Queue[pb.WorkerTick | None] = asyncio.Queue()
        self._sequence = 0

    async def Attach(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.GatewayTick], context: object
    ) -> AsyncIterator[pb.WorkerTick]:
        self.streams += 1
        self._out = asyncio.Queue()
        self.report_load()
        reader = asyncio.create_task(self._read(request_iterator))
        try:
            while (tick := await self._next_tick()) is not None:
                yield tick
        finally:
            reader.cancel()

    async def Drain(self, request: pb.DrainRequest, context: object) -> pb.DrainReply:  # noqa: N802
        self.report_load(draining=True)
        return pb.DrainReply(active_calls=self.load.active_calls)

    async def _next_tick(self) -> pb.WorkerTick | None:
        """What is to be sent; the load now and then, as a worker that lives does."""
        try:
            async with asyncio.timeout(0.1):
                return await self._out.get()
        except TimeoutError:
            return pb.WorkerTick(load=self.load)

    async def _read(self, ticks: AsyncIterator[pb.GatewayTick]) -> None:
        async for tick in ticks:
            await self.reading.wait()
            self.ticks.append(tick)
            for event in tick.events:
                self.events.append(event)
                answers = list(self.script(self, event))
                for answer in answers:
                    answer.call = answer.call or event.call
                self.send(*answers)

    def send(self, *events: pb.WorkerEvent) -> None:
        """One tick to the gateway."""
        if events:
            self._put(pb.WorkerTick(events=events))

    def report_load(self, **changes: object) -> None:
        """One tick with the load."""
        for name, value in changes.items():
            setattr(self.load, name, value)
        self._put(pb.WorkerTick(load=self.load))

    def hang_up_stream(self) -> None:
        """Close the stream from the worker's side."""
        self._out.put_nowait(None)

    def die(self) -> None:
        """Close the stream, and take no call any more."""
        self.script = _refuse_all
        self.hang_up_stream()

    def got(self, kind: str) -> list[pb.GatewayEvent]:
        """Events of a kind, in order."""
        return [event for event in self.events if event.WhichOneof("event") == kind]

    def of_calls(self, kind: str) -> list[pb.GatewayEvent]:
        """Those of callers: the gateway has phrases said for itself, too."""
        return [event for event in self.got(kind) if self.call_id(event.call) != "phrase"]

    def call_id(self, call: int) -> str:
        """The id of the call with this number."""
        return next(event.start.call_id for event in self.got("start") if event.call == call)

    def _put(self, tick: pb.WorkerTick) -> None:
        self._sequence += 1
        tick.sequence = self._sequence
        self._out.put_nowait(tick)


@asynccontextmanager
async def serving(
    worker: WorkerDouble, address: str = "127.0.0.1:0", *, options: Sequence[tuple[str, int]] = ()
) -> AsyncIterator[WorkerDouble]:
    """Serve on a loopback port for as long as the block lasts. :param options: of gRPC"""
    server = grpc.aio.server(options=options)
    rpc.add_ConversationServicer_to_server(worker, server)
    health_pb2_grpc.add_HealthServicer_to_server(worker.health, server)
    await worker.health.set("", health_pb2.HealthCheckResponse.SERVING)
    port = server.add_insecure_port(address)
    worker.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield worker
    finally:
        await server.stop(None)


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something is true; a test that waits in vain fails. Long, for machines that are busy with others."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  what is asked is not an event
            await asyncio.sleep(0.005)
