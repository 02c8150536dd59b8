"""One gateway's stream: ticks in, ticks out, and the sessions of its calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import structlog

from gateway.errors import ConfigError, ParleyError, ProviderError, ProviderTimeout
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.tenants import Access, Tenants
from gateway.worker.call_start import CallStart, read_plan
from gateway.worker.held_call import HeldCall
from gateway.worker.opening import Opening, Resources

BATCH_SECONDS = 0.010
"""Events that are not urgent wait this long for company."""
LOAD_SECONDS = 0.1
"""A stream without events still tells the load this often: a worker that says nothing for longer stands still."""
HEALTH_SECONDS = 0.9
WRITE_SECONDS = 10.0
_MAKE_SECONDS = 10.0
"""The gateway has asked another worker long before; providers that are made later are there for the next call."""

logger = structlog.get_logger(__name__)


class Host(Protocol):
    """The worker process, as a stream sees it."""

    tenants: Tenants

    def load(self) -> pb.Load:
        """The load now."""

    def health(self) -> pb.ProvidersHealth:
        """What is known of the providers now."""

    def admit(self) -> str:
        """Why no call can be taken now, in one sentence; empty when one can. An admitted call is counted."""

    def release(self) -> None:
        """An admitted call is over."""


class Attachment:
    """One bidirectional stream. `run` ends when the gateway ends the stream."""

    def __init__(self, host: Host, write: Callable[[pb.WorkerTick], Awaitable[None]]) -> None:
        self._host = host
        self._write = write
        self._held: dict[int, HeldCall] = {}
        self._starting: dict[int, list[pb.GatewayEvent]] = {}
        """Calls whose providers are being made, with what came for them meanwhile."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._outbox: list[pb.WorkerEvent] = []
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._health_due = 0.0

    async def run(self, ticks: AsyncIterator[pb.GatewayTick]) -> None:
        """Serve the stream."""
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write_ticks(), name="link writer")
            async for tick in ticks:
                for event in tick.events:
                    self._take(event, group)
            logger.info("gateway detached", calls=len(self._held))
            for task in [writer, *self._tasks]:
                task.cancel()

    def _take(self, event: pb.GatewayEvent, group: asyncio.TaskGroup) -> None:
        if event.WhichOneof("event") == "start":
            self._open(event.call, event.start, group)
        elif (waiting := self._starting.get(event.call)) is not None:
            waiting.append(event)
        elif (held := self._held.get(event.call)) is not None:
            held.receive(event)

    def _open(self, number: int, start: pb.StartCall, group: asyncio.TaskGroup) -> None:
        if reason := self._host.admit():
            self._refuse(number, reason)
            return
        self._starting[number] = []
        task = group.create_task(self._hold(number, start), name=f"call {start.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self, number: int, start: pb.StartCall, access: Access) -> HeldCall:
        """A call with the providers of who has it.

        :raises ParleyError, ValueError: the assistant is not valid, or a provider cannot be made
        """
        try:
            async with asyncio.timeout(_MAKE_SECONDS):
                # An assistant that is new to this process may have an SDK imported: a second, for all other calls too.
                understood, opening, resources = await asyncio.to_thread(_understand, start, access)
        except TimeoutError:
            raise ProviderTimeout(f"The providers of the call were not made within {_MAKE_SECONDS:g} s.") from None
        held = HeldCall(
            understood,
            (opening, resources),
            providers=access.providers,
            client=access.client,
            send=lambda message, urgent: self._send(number, message, urgent),
        )
        self._held[number] = held
        for event in self._starting.pop(number):
            held.receive(event)
        return held

    def _refuse(self, number: int, reason: str) -> None:
        self._send(number, pb.WorkerEvent(refused=pb.Refused(reason=reason)), True)

    async def _hold(self, number: int, start: pb.StartCall) -> None:
        """Hold a call to its end. Whatever ends it is the end of this call alone."""
        try:
            async with self._host.tenants.access(read_plan(start)) as access:
                await self._hold_with(access, number, start)
        except ConfigError as error:
            self._refuse_start(number, start, error)
        except ProviderError as error:
            # Only opening raises these: nothing was promised yet, and another worker may do better.
            self._refuse_start(number, start, error)
        except Exception as error:  # border of one call's task: the other calls go on
            logger.exception("session failed", call=start.call_id)
            self._fail(number, "pipeline-error-worker-failed", f"The conversation failed: {_cause(error)!r}.")
        finally:
            self._starting.pop(number, None)
            self._held.pop(number, None)
            self._host.release()

    async def _hold_with(self, access: Access, number: int, start: pb.StartCall) -> None:
        try:
            held = await self._begin(number, start, access)
        except (ParleyError, ValueError) as error:
            self._refuse_start(number, start, error)
            return
        await held.run()

    def _refuse_start(self, number: int, start: pb.StartCall, error: Exception) -> None:
        logger.warning("call refused", call=start.call_id, reason=str(error))
        self._refuse(number, str(error))

    def _fail(self, number: int, reason: str, detail: str) -> None:
        self._send(number, pb.WorkerEvent(failure=pb.Failure(reason=reason, detail=detail)), True)

    # ------------------------------------------------------------ ticks out

    def _send(self, number: int, event: pb.WorkerEvent, urgent: bool) -> None:
        event.call = number
        self._outbox.append(event)
        self._wake.set()
        if urgent:
            self._urgent.set()

    async def _write_ticks(self) -> None:
        sequence = 0
        while True:
            await _wait(self._wake, LOAD_SECONDS)
            if self._outbox:
                await _wait(self._urgent, BATCH_SECONDS)
            self._wake.clear()
            self._urgent.clear()
            sequence += 1
            events, self._outbox = self._outbox, []
            async with asyncio.timeout(WRITE_SECONDS):
                await self._write(pb.WorkerTick(sequence=sequence, load=self._load(), events=events))

    def _load(self) -> pb.Load:
        """The load; the providers' health is part of it once a second."""
        load, now = self._host.load(), asyncio.get_running_loop().time()
        if now >= self._health_due:
            self._health_due = now + HEALTH_SECONDS
            load.health.CopyFrom(self._host.health())
        return load


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, at most `seconds`."""
    if event.is_set():
        return
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _cause(error: BaseException) -> BaseException:
    """The first exception inside groups."""
    return _cause(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _understand(start: pb.StartCall, access: Access) -> tuple[CallStart, Opening, Resources]:
    understood = CallStart(start)
    opening = understood.first_opening()
    return understood, opening, Resources.of(opening, access.providers, access.client)
