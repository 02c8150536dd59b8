"""The control plane's end of the streams: one for each gateway that is attached."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import grpc
import structlog

from gateway.call.journal import wall_clock_ms
from gateway.errors import CommandRefused, SetupError, Unavailable
from gateway.plane.token import is_token
from gateway.plane.v1 import plane_pb2 as pb
from gateway.plane.v1 import plane_pb2_grpc as rpc
from gateway.store.unhurried import to_its_end

log = structlog.get_logger(__name__)

COMMAND_SECONDS = 10.0
MESSAGE_BYTES = 16 << 20
RETRY_SECONDS = 1.0
"""Until events that could not be committed are tried again."""
TRIED_CALLS = 5
"""A store that takes the events of none of so many calls is away, or at its limit; each attempt may last seconds."""
GRACE_SECONDS = 1.0
BEHIND_MS = 60_000
"""A gateway that tells of something this long ago has not told all that it has to tell."""

_GONE = (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError)
"""A message cannot be sent, for the stream is over."""

Write = Callable[[pb.PlaneMessage], Awaitable[None]]


class Answering(Protocol):
    """What the control plane does with what gateways say."""

    async def append(self, events: Sequence[pb.CallEvent], gateway: str) -> None:
        """Commit events of this gateway, each once by call and sequence. May raise anything; then nothing of them is
        committed."""

    async def resolve(self, gateway: AttachedGateway, question: pb.Resolve) -> pb.Resolution:
        """Who answers an inbound call of this gateway; raises nothing."""

    async def explain(self, question: pb.Explain) -> pb.Explained:
        """What would become of an inbound call; raises nothing."""

    async def authorize(self, question: pb.Authorize) -> bool:
        """Whether a key may listen to and control calls of an organisation; raises nothing."""

    async def may_call(self, question: pb.MayCall) -> bool:
        """Whether somebody is on no do-not-call list; raises nothing."""


class AttachedGateway:
    """One stream.

    :param hello: the gateway's first message
    :param write: sends to the gateway
    """

    def __init__(self, hello: pb.Hello, write: Write, answering: Answering) -> None:
        self.name = hello.gateway
        self.public_url = hello.public_url
        self.trunk_statuses: Mapping[str, pb.TrunkStatus] = {}
        """By the trunk's name."""
        self.calls: set[str] = set(hello.calls)
        self.since = asyncio.get_running_loop().time()
        """When it attached, on the loop's clock."""
        self.settled_since = self.since
        """Since when it has told nothing of calls of earlier days or minutes, on the loop's clock."""
        self._write = write
        self._answering = answering
        self._arrived: list[pb.CallEvent] = []
        self._wake = asyncio.Event()
        self._stuck: set[str] = set()
        """Calls whose events cannot be committed though those of others can: sent again by the next attachment."""
        self._commands: dict[int, asyncio.Future[pb.CommandResult]] = {}
        self._numbers = 0
        self._trunks_json: str | None = None
        """What it was told last."""

    async def serve(self, messages: AsyncIterator[pb.GatewayMessage]) -> None:
        """Until the gateway ends the stream."""
        try:
            async with asyncio.TaskGroup() as tasks:
                committing = tasks.create_task(self._commit(), name=f"events of gateway {self.name}")
                answers: set[asyncio.Task[None]] = set()
                async for message in messages:
                    match message.WhichOneof("message"):
                        case "events":
                            self._take(message.events.events)
                        case "result":
                            self._settle(message.result)
                        case "trunk_statuses":
                            self.trunk_statuses = dict(message.trunk_statuses.by_name)
                        case "resolve" | "authorize" | "explain" | "may_call":
                            task = tasks.create_task(self._answer(message), name=f"question {message.id}")
                            answers.add(task)
                            task.add_done_callback(answers.discard)
                for task in (committing, *answers):
                    task.cancel()
        finally:
            for waiting in self._commands.values():
                if not waiting.done():
                    waiting.set_exception(CommandRefused("The gateway went away before it answered.", status=504))

    async def tell_trunks(self, trunks_json: str) -> None:
        """The trunks that there are from now on; told once. A gateway that is going learns them when it is back."""
        if trunks_json == self._trunks_json:
            return
        self._trunks_json = trunks_json
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._write(pb.PlaneMessage(trunks=pb.Trunks(json=trunks_json)))
        except (TimeoutError, *_GONE) as error:
            log.warning("trunks not told", gateway=self.name, detail=type(error).__name__)

    async def command(self, command: pb.Command) -> None:
        """Have the gateway do something.

        :raises CommandRefused: it does not, or did not say in time that it does
        """
        self._numbers += 1
        number = command.id = self._numbers
        result = self._commands[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._write(pb.PlaneMessage(command=command))
                answer = await result
        except TimeoutError:
            raise CommandRefused(f"No answer from the gateway within {COMMAND_SECONDS:.0f} s.", status=504) from None
        finally:
            self._commands.pop(number, None)
        if not answer.ok:
            raise CommandRefused(answer.detail or "The gateway refuses.", status=answer.status or 409)

    def _settle(self, result: pb.CommandResult) -> None:
        waiting = self._commands.get(result.command)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)

    async def _answer(self, message: pb.GatewayMessage) -> None:
        answer = pb.PlaneMessage(in_reply_to=message.id)
        if message.HasField("resolve"):
            answer.resolution.CopyFrom(await self._answering.resolve(self, message.resolve))
        elif message.HasField("explain"):
            answer.explained.CopyFrom(await self._answering.explain(message.explain))
        elif message.HasField("may_call"):
            answer.permission.allowed = await self._answering.may_call(message.may_call)
        else:
            answer.authorized.allowed = await self._answering.authorize(message.authorize)
        await self._write(answer)

    # ------------------------------------------------------------ events

    def _take(self, events: Sequence[pb.CallEvent]) -> None:
        for event in events:
            if event.kind == "call":
                self.calls.add(event.call_id)
        long_ago_ms = wall_clock_ms() - BEHIND_MS
        if any(event.time_ms < long_ago_ms for event in events):
            self.settled_since = asyncio.get_running_loop().time()
        self._arrived += events
        self._wake.set()

    async def _commit(self) -> None:
        """What has come while the events before were committed goes in one transaction, or with what could not be."""
        events: list[pb.CallEvent] = []
        name = f"events committed of gateway {self.name}"
        while True:
            if not events:
                await self._wake.wait()
            self._wake.clear()
            events += self._arrived
            self._arrived = []
            events = [event for event in events if event.call_id not in self._stuck]
            if not events or await to_its_end(self._committed(events), name=name):
                events = []
            else:
                await asyncio.sleep(RETRY_SECONDS)

    async def _committed(self, events: Sequence[pb.CallEvent]) -> bool:
        """Whether these need no further attempt."""
        try:
            await self._answering.append(events, self.name)
        except Exception:  # whatever is wrong with one call's events must not hold up those of all others
            log.exception("events not committed", gateway=self.name, events=len(events))
            calls = {event.call_id for event in events}
            return len(calls) > 1 and await self._committed_by_call(events, calls)
        await self._acknowledge(events)
        return True

    async def _committed_by_call(self, events: Sequence[pb.CallEvent], calls: set[str]) -> bool:
        """One by one, to find out whose fault it is: the store's, if it takes none of a few. Those of which nothing is
        taken, between others of which it is, are left out."""
        good, failed = "", []
        for call_id in random.sample(sorted(calls), len(calls)):
            if await self._committed_call(events, call_id):
                good = call_id
            else:
                failed.append(call_id)
            if not good and len(failed) == TRIED_CALLS:
                return False
        if not good:
            return False
        stuck = {call_id for call_id in failed if not await self._committed_call(events, call_id)}
        if stuck and not await self._committed_call(events, good):
            return False
        self._stuck |= stuck
        if stuck:
            log.error("events of these calls are left out until the gateway attaches again", calls=sorted(stuck))
        return True

    async def _committed_call(self, events: Sequence[pb.CallEvent], call_id: str) -> bool:
        own = [event for event in events if event.call_id == call_id]
        try:
            await self._answering.append(own, self.name)
        except Exception:  # as above
            log.exception("events of a call not committed", call=call_id)
            return False
        await self._acknowledge(own)
        return True

    async def _acknowledge(self, events: Sequence[pb.CallEvent]) -> None:
        # not before: a call whose end waits for the store is not one that nobody holds
        self.calls -= {event.call_id for event in events if event.kind == "ended"}
        positions: Mapping[str, int] = {event.call_id: event.sequence for event in events}
        appended = pb.Appended(
            positions=[pb.CallPosition(call_id=call, sequence=sequence) for call, sequence in positions.items()]
        )
        try:
            await self._write(pb.PlaneMessage(appended=appended))
        except _GONE:
            log.info("a gateway went while its events were committed; it tells them again", gateway=self.name)


class PlaneServer(rpc.PlaneServicer):
    """All gateways that are attached."""

    def __init__(self, answering: Answering, token: str) -> None:
        self._answering = answering
        self._token = token
        self._gateways: dict[str, AttachedGateway] = {}
        self._trunks_json: str | None = None
        """None before they are known: a gateway keeps those that it has."""

    @property
    def gateways(self) -> Sequence[AttachedGateway]:
        """Those that are attached now."""
        return tuple(self._gateways.values())

    def choose(self) -> AttachedGateway:
        """The gateway for a new call: the one with the fewest. :raises Unavailable: when there is none"""
        if not self._gateways:
            raise Unavailable("No gateway is attached; start one with `parley serve` and try again.")
        return min(self._gateways.values(), key=lambda gateway: len(gateway.calls))

    async def tell_trunks(self, trunks_json: str) -> None:
        """The trunks that there are from now on, to each gateway and to those that attach later."""
        self._trunks_json = trunks_json
        await asyncio.gather(*(gateway.tell_trunks(trunks_json) for gateway in self.gateways))

    def gateway_of(self, call_id: str) -> AttachedGateway | None:
        """The gateway that has this live call."""
        return next((gateway for gateway in self._gateways.values() if call_id in gateway.calls), None)

    async def Attach(  # type: ignore[override]  # noqa: N802  gRPC names it, and takes a coroutine that writes
        self,
        request_iterator: AsyncIterator[pb.GatewayMessage],
        context: grpc.aio.ServicerContext[pb.GatewayMessage, pb.PlaneMessage],
    ) -> None:
        """Serve one gateway's stream."""
        if not is_token(context.invocation_metadata(), self._token):
            log.warning("gateway refused", peer=context.peer())
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong token; api.link_token is not the same here")
        first = await anext(aiter(request_iterator), None)
        if first is None or not first.HasField("hello"):
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the first message must be hello")
            return
        gateway = AttachedGateway(first.hello, _in_turn(context.write), self._answering)
        await context.write(pb.PlaneMessage())
        self._gateways[gateway.name] = gateway
        log.info("gateway attached", gateway=gateway.name, peer=context.peer(), calls=len(gateway.calls))
        try:
            if self._trunks_json is not None:
                await gateway.tell_trunks(self._trunks_json)
            await gateway.serve(request_iterator)
        except asyncio.CancelledError:
            # gRPC cancels the handler when the gateway is gone, and logs an error for a handler that says so.
            log.info("gateway lost", gateway=gateway.name)
        finally:
            if self._gateways.get(gateway.name) is gateway:
                del self._gateways[gateway.name]


def _in_turn(write: Callable[[pb.PlaneMessage], Awaitable[None]]) -> Write:
    """gRPC takes one message at a time."""
    lock = asyncio.Lock()

    async def write_in_turn(message: pb.PlaneMessage) -> None:
        async with lock:
            await write(message)

    return write_in_turn


_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    # A gateway whose calls are quiet still asks every ten seconds whether we are there; gRPC takes that for an attack.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
)


@asynccontextmanager
async def serving_plane(server: PlaneServer, link: str) -> AsyncIterator[str]:
    """Serve on `link` (host:port; port 0 takes a free one) for as long as the block runs; gives the address.

    :raises SetupError: the address cannot be bound
    """
    grpc_server = grpc.aio.server(options=_OPTIONS)
    rpc.add_PlaneServicer_to_server(server, grpc_server)
    try:
        port = grpc_server.add_insecure_port(link)
    except RuntimeError as error:
        raise SetupError(f"The control plane cannot listen on {link} (api.link): {error}.") from error
    await grpc_server.start()
    try:
        yield f"{link.rpartition(':')[0]}:{port}"
    finally:
        await grpc_server.stop(GRACE_SECONDS)
