"""The stream between this gateway and one worker: one message per media tick for all its calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.errors import LinkError
from gateway.link.outbox import CallOutbox, Outbox
from gateway.link.pulse import LOOK_SECONDS, Pulses
from gateway.link.v1 import link_pb2 as pb
from gateway.link.v1 import link_pb2_grpc as rpc
from gateway.observe import metrics

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 5.0
WRITE_SECONDS = 10.0
"""A worker that takes nothing for this long is lost."""
HEALTH_SECONDS = 2.0
"""Between health checks, and for each; after HEALTH_FAILURES in a row the worker is lost."""
HEALTH_FAILURES = 3
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Before each attempt to attach again; the last one repeats."""

_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
    # Workers restart on other ports: a shared subchannel would keep the back-off of the one before.
    ("grpc.use_local_subchannel_pool", 1),
    # A worker that begins again is needed at once: gRPC would wait longer each time.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 500),
)


class LinkListener(Protocol):
    """A call, as its worker sees it. Both methods are called on the event loop."""

    def on_worker_event(self, event: pb.WorkerEvent) -> None:
        """Something of this call came from the worker."""

    def on_worker_lost(self, detail: str, *, frozen: bool = False) -> None:
        """The stream is gone, and with it the conversation; because the worker stood still, when it is `frozen`. Last
        event, at most once."""


class LinkCall:
    """One call on a worker. Sending never blocks and never fails: a lost stream is told to the listener once."""

    __slots__ = ("_link", "_outbox", "_waiting", "asked_back", "listener", "movable")

    def __init__(self, link: WorkerLink, number: int, listener: LinkListener) -> None:
        self.listener = listener
        self.movable = False
        """The listener can go on with another worker when this one gives the call back."""
        self.asked_back = False
        self._link = link
        self._outbox = CallOutbox(number)

    @property
    def number(self) -> int:
        """The call's number on this stream."""
        return self._outbox.call

    @property
    def worker(self) -> str:
        """Name of the worker."""
        return self._link.name

    @property
    def heard_at(self) -> float:
        """When the worker said something last, s of the loop's clock."""
        return self._link.heard_at

    @property
    def dropped_ms(self) -> int:
        """Caller audio that the worker did not take in time."""
        return self._outbox.dropped_ms

    def send_frame(self, at_ms: int, pcm: bytes, *, missing: bool = False) -> None:
        """20 ms of the caller, sent with the next tick."""
        if self._outbox.add_frame(at_ms, pcm, missing=missing):
            self._link._mark(self._outbox)

    def send(self, event: pb.GatewayEvent) -> None:
        """Anything else, sent with the next tick in the order of calls to this."""
        self._outbox.add(event)
        self._link._mark(self._outbox)

    def ask_back(self) -> None:
        """Have the worker give the call back (Yielded) at a moment that suits it."""
        self.asked_back = True
        self.send(pb.GatewayEvent(give_back=pb.GiveBack()))

    def close(self) -> None:
        """No more events of this call are wanted; what was sent before still goes out."""
        self._link._close(self)


class WorkerLink:
    """One worker as this gateway knows it: whether it can take a call, and the calls it has.

    `run` attaches and keeps attached until it is cancelled.

    :param name: for metrics and logs, one of a small fixed set
    :param address: host:port of the worker's gRPC server
    :param capacity: calls that it is believed to take until it reports its load
    :param pulses: of the workers that it is judged against
    """

    def __init__(self, name: str, address: str, *, capacity: int = 50, pulses: Pulses | None = None) -> None:
        self.name = name
        self.address = address
        self.attached = False
        self.load = self._unknown_load = pb.Load(capacity=capacity)
        self._numbers = 0
        self._calls: dict[int, LinkCall] = {}
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self._frozen = False
        self._writing_since = float("inf")
        """When the tick that the worker has not taken was given to the stream, s of the loop's clock."""
        self.stood_still = False
        """It was lost because it stood still, and is not attached again."""
        self._pulses = pulses or Pulses()
        self.heard_at = 0.0
        """When the last tick came, s of the loop's clock."""

    def __str__(self) -> str:
        return f"{self.name} at {self.address}"

    @property
    def calls(self) -> int:
        """Calls of this gateway on the worker."""
        return len(self._calls)

    @property
    def staying(self) -> Sequence[LinkCall]:
        """Calls that could go on elsewhere, and have not been asked for."""
        return [call for call in self._calls.values() if call.movable and not call.asked_back]

    @property
    def asked_back(self) -> int:
        """Calls that it was asked for and still has."""
        return sum(call.asked_back for call in self._calls.values())

    @property
    def free(self) -> int:
        """Calls that it could take now."""
        return self.load.capacity - max(self.calls, self.load.active_calls) if self.available else 0

    @property
    def available(self) -> bool:
        """Whether it may be asked to take a call."""
        return self.attached and not self.load.draining and self.share < 1

    @property
    def share(self) -> float:
        """How full it is, 1 is full; calls that it has not counted yet are counted here."""
        return max(self.calls, self.load.active_calls) / max(1, self.load.capacity)

    def open(self, listener: LinkListener) -> LinkCall:
        """A place on the stream for a call. :raises LinkError: when not attached."""
        if not self.attached:
            raise LinkError(f"Worker {self} is not attached; wait until it is.")
        self._numbers += 1
        call = LinkCall(self, self._numbers, listener)
        self._calls[call.number] = call
        return call

    async def run(self) -> None:
        """Attach, serve, and attach again, until cancelled."""
        failures = 0
        while True:
            try:
                async with grpc.aio.insecure_channel(self.address, options=_CHANNEL_OPTIONS) as channel:
                    await self._serve(channel)
                detail = "the worker closed the stream"
            except (LinkError, grpc.aio.AioRpcError) as error:
                detail = _sentence(error)
            finally:
                was_attached = self.attached
                self._lost(f"The stream to worker {self} was lost.")
            _be_cancelled()
            failures = 0 if was_attached else failures + 1
            (log.warning if was_attached else log.info)("worker not attached", worker=str(self), detail=detail)
            await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])

    # ------------------------------------------------------------ stream

    async def _serve(self, channel: grpc.aio.Channel) -> None:
        health = health_pb2_grpc.HealthStub(channel)
        await self._check(health, CONNECT_SECONDS)
        stream = rpc.ConversationStub(channel).Attach()
        try:
            async with asyncio.TaskGroup() as tasks:
                self.attached, self.stood_still = True, False
                log.info("worker attached", worker=str(self))
                writing = tasks.create_task(self._write(stream), name=f"{self.name} write")
                watching = tasks.create_task(self._watch(health), name=f"{self.name} health")
                feeling = tasks.create_task(self._feel_pulse(), name=f"{self.name} pulse")
                await self._read(stream)
                for task in (writing, watching, feeling):
                    task.cancel()
        except ExceptionGroup as group:
            raise _first_of(group) from group
        finally:
            stream.cancel()

    async def _read(self, stream: grpc.aio.StreamStreamCall[pb.GatewayTick, pb.WorkerTick]) -> None:
        loop = asyncio.get_running_loop()
        async for tick in stream:
            self.heard_at = loop.time()
            self._pulses.beat(self.name)
            if tick.HasField("load"):
                self._take_load(tick.load)
            for event in tick.events:
                call = self._calls.get(event.call)
                if call is not None:
                    self._deliver(call, event)

    def _deliver(self, call: LinkCall, event: pb.WorkerEvent) -> None:
        try:
            call.listener.on_worker_event(event)
        except Exception:  # a fault in one call must not end the stream of all
            log.exception("worker event failed", worker=str(self), call=call.number)

    async def _write(self, stream: grpc.aio.StreamStreamCall[pb.GatewayTick, pb.WorkerTick]) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._outbox:
                tick = self._outbox.next_tick(time.monotonic_ns())
                # `_feel_pulse` bounds the wait: a timer for each tick costs as much as the frames of five calls
                self._writing_since = asyncio.get_running_loop().time()
                try:
                    await stream.write(tick)
                except asyncio.InvalidStateError:
                    return  # the stream has ended, and the reader says why
                finally:
                    self._writing_since = float("inf")

    async def _watch(self, health: health_pb2_grpc.HealthStub) -> None:
        failures = 0
        while failures < HEALTH_FAILURES:
            await asyncio.sleep(HEALTH_SECONDS)
            try:
                await self._check(health, HEALTH_SECONDS)
                failures = 0
            except (LinkError, grpc.aio.AioRpcError) as error:
                failures += 1
                log.warning("worker health check failed", worker=str(self), failures=failures, detail=_sentence(error))
        raise LinkError(f"Worker {self} does not answer its health checks.")

    async def _feel_pulse(self) -> None:
        loop = asyncio.get_running_loop()
        self._pulses.begin(self.name, loop.time())
        try:
            while not self._pulses.frozen(self.name, loop.time()):
                if loop.time() - self._writing_since > WRITE_SECONDS:
                    raise LinkError(f"Worker {self} has read nothing for {WRITE_SECONDS:.0f} s.")
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._pulses.end(self.name)
        self._frozen = True
        raise LinkError(f"Worker {self} stands still: it has not ticked since {loop.time() - self.heard_at:.1f} s.")

    async def _check(self, health: health_pb2_grpc.HealthStub, timeout: float) -> None:
        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=timeout, wait_for_ready=True)
        # A draining worker says NOT_SERVING and still holds its calls.
        if answer.status != health_pb2.HealthCheckResponse.SERVING and not self.attached:
            raise LinkError(f"Worker {self} is not ready.")

    def _take_load(self, load: pb.Load) -> None:
        for health in load.health.providers:
            metrics.observe_provider(self.name, health)
        load.ClearField("health")
        if load == self.load:
            return
        self.load = load
        metrics.observe_worker(
            self.name, calls=load.active_calls, capacity=load.capacity, cpu=load.cpu, draining=load.draining
        )

    # ------------------------------------------------------------ calls

    def _mark(self, outbox: CallOutbox) -> None:
        # A call that is closed, or was open on a stream before this one, has nothing to say here.
        if outbox.call in self._calls:
            self._outbox.mark(outbox)
            self._wake.set()

    def _close(self, call: LinkCall) -> None:
        self._calls.pop(call.number, None)

    def _lost(self, detail: str) -> None:
        """Everything about the stream ends here, once per stream."""
        self.attached = False
        self.load = self._unknown_load
        self._outbox = Outbox()
        metrics.observe_worker_lost(self.name)
        calls, self._calls = self._calls, {}
        frozen, self._frozen = self._frozen, False
        self.stood_still = self.stood_still or frozen
        for call in calls.values():
            call.listener.on_worker_lost(detail, frozen=frozen)


def _be_cancelled() -> None:
    """Raise a cancellation that came together with a failure: a task group raises only the failure."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _first_of(group: ExceptionGroup) -> Exception:
    """What ended the stream: a known failure as it is, a fault of ours in its group."""
    known, unknown = group.split((LinkError, grpc.aio.AioRpcError))
    return known.exceptions[0] if known and not unknown else group


def _sentence(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error)
