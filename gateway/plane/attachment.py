"""The gateway's end of the stream to the control plane: events out, questions out, commands in.

Without a control plane calls go on: questions fail at once with `PlaneAway`, and events wait in the spool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import grpc
import structlog

from gateway.errors import PlaneAway
from gateway.plane.spool import Spool
from gateway.plane.token import token_metadata
from gateway.plane.v1 import plane_pb2 as pb
from gateway.plane.v1 import plane_pb2_grpc as rpc

log = structlog.get_logger(__name__)

BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Before each attempt to attach again; the last one repeats."""
WRITE_SECONDS = 10.0
ACKNOWLEDGE_SECONDS = 30.0
"""A control plane that has committed nothing for this long while events wait is lost."""
AUTHORIZE_SECONDS = 3.0

_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
)

Stream = grpc.aio.StreamStreamCall[pb.GatewayMessage, pb.PlaneMessage]


class Commands(Protocol):
    """What the control plane may ask of a gateway."""

    async def perform(self, command: pb.Command) -> pb.CommandResult:
        """Do it and say how it went; raises nothing."""

    def live_calls(self) -> Sequence[str]:
        """Ids of the calls that are live now."""

    async def use_trunks(self, trunks_json: str) -> None:
        """The trunks of credentials that there are now: a list of TrunkSettings with their secrets."""


class PlaneAttachment:
    """Attaches to a control plane, and attaches again.

    :param gateway: this gateway's name, the same after each start
    :param public_url: where others reach its media port
    :param token: see `gateway.plane.token`
    """

    def __init__(self, *, gateway: str, public_url: Callable[[], str], token: str, spool: Spool) -> None:
        self.spool = spool
        self.attached = False
        self._gateway = gateway
        self._public_url = public_url
        self._token = token
        self._commands: Commands | None = None
        self._outbox: asyncio.Queue[pb.GatewayMessage] = asyncio.Queue()
        self._questions: dict[int, asyncio.Future[pb.PlaneMessage]] = {}
        self._numbers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._trunk_statuses: pb.TrunkStatuses | None = None
        """What was told last, or will be when a control plane is there."""

    def obey(self, commands: Commands) -> None:
        """Give commands to this gateway; before `run`."""
        self._commands = commands

    async def run(self, address: str) -> None:
        """Attach to the `link` of a control plane, serve, and attach again, until cancelled."""
        failures = 0
        while True:
            detail = "it closed the stream"
            was_attached = False
            try:
                async with grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS) as channel:
                    await self._serve(channel)
            except* (grpc.aio.AioRpcError, PlaneAway) as errors:
                detail = _sentence(errors)
            except* Exception:  # whatever it is, the events of calls must find their way again
                log.exception("attachment failed")
                detail = "a fault of ours"
            finally:
                was_attached = self._detach()
            _be_cancelled()
            failures = 0 if was_attached else failures + 1
            (log.warning if was_attached else log.info)("control plane not attached", address=address, detail=detail)
            await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])

    def tell_trunk_statuses(self, statuses: pb.TrunkStatuses) -> None:
        """How the trunks do; told once."""
        if statuses == self._trunk_statuses:
            return
        self._trunk_statuses = statuses
        if self.attached:
            self._outbox.put_nowait(pb.GatewayMessage(trunk_statuses=statuses))

    # ------------------------------------------------------------ questions

    async def resolve(self, question: pb.Resolve, *, seconds: float) -> pb.Resolution:
        """Who answers this inbound call.

        :raises PlaneAway: no control plane is attached, or it does not answer in time
        """
        return (await self._ask(pb.GatewayMessage(resolve=question), seconds)).resolution

    async def explain(self, question: pb.Explain) -> pb.Explained:
        """Whose a number is. :raises PlaneAway: as `resolve`"""
        return (await self._ask(pb.GatewayMessage(explain=question), AUTHORIZE_SECONDS)).explained

    async def authorize(self, organisation: str, key: str) -> bool:
        """Whether this key may listen to or control calls of the organisation. :raises PlaneAway: as `resolve`"""
        asked = pb.GatewayMessage(authorize=pb.Authorize(organisation=organisation, key=key))
        return (await self._ask(asked, AUTHORIZE_SECONDS)).authorized.allowed

    async def may_call(self, destination: str, organisation: str) -> bool:
        """Whether a number or SIP URI is on no do-not-call list of the organisation, or of any when it is empty.
        :raises PlaneAway: as `resolve`"""
        asked = pb.GatewayMessage(may_call=pb.MayCall(destination=destination, organisation=organisation))
        return (await self._ask(asked, AUTHORIZE_SECONDS)).permission.allowed

    async def _ask(self, message: pb.GatewayMessage, seconds: float) -> pb.PlaneMessage:
        if not self.attached:
            raise PlaneAway("The control plane is not attached; its log and `systemctl status` tell why.")
        self._numbers += 1
        number = message.id = self._numbers
        answer: asyncio.Future[pb.PlaneMessage] = asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        self._outbox.put_nowait(message)
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise PlaneAway(f"The control plane did not answer within {seconds:.1f} s.") from None
        finally:
            self._questions.pop(number, None)

    # ------------------------------------------------------------ stream

    async def _serve(self, channel: grpc.aio.Channel) -> None:
        stream = rpc.PlaneStub(channel).Attach(metadata=token_metadata(self._token))
        calls = self._commands.live_calls() if self._commands else ()
        hello = pb.Hello(gateway=self._gateway, public_url=self._public_url(), calls=calls)
        try:
            await self._write(stream, pb.GatewayMessage(hello=hello))
            # The first message of the other side says that it took us: a wrong token ends the stream instead.
            if not isinstance(await stream.read(), pb.PlaneMessage):
                raise PlaneAway("it closed the stream")
            self.attached = True
            log.info("control plane attached")
            if self._trunk_statuses is not None:
                self._outbox.put_nowait(pb.GatewayMessage(trunk_statuses=self._trunk_statuses))
            async with asyncio.TaskGroup() as tasks:
                self.spool.attach()
                ending = [
                    tasks.create_task(work, name=f"plane {name}")
                    for name, work in (
                        ("events", self._write_events()),
                        ("write", self._write_messages(stream)),
                        ("spool", self.spool.restore()),
                        ("acknowledgement", self._watch()),
                    )
                ]
                await self._read(stream)
                for task in (*ending, *self._tasks):
                    task.cancel()
        finally:
            stream.cancel()

    async def _read(self, stream: Stream) -> None:
        while isinstance(message := await stream.read(), pb.PlaneMessage):
            match message.WhichOneof("message"):
                case "appended":
                    self.spool.acknowledge({one.call_id: one.sequence for one in message.appended.positions})
                case "command":
                    self._own(self._perform(message.command))
                case "trunks":
                    self._own(self._use_trunks(message.trunks.json))
                case _:
                    question = self._questions.get(message.in_reply_to)
                    if question is not None and not question.done():
                        question.set_result(message)

    async def _perform(self, command: pb.Command) -> None:
        assert self._commands is not None
        result = await self._commands.perform(command)
        result.command = command.id
        self._outbox.put_nowait(pb.GatewayMessage(result=result))

    async def _use_trunks(self, trunks_json: str) -> None:
        assert self._commands is not None
        try:
            await self._commands.use_trunks(trunks_json)
        except Exception:  # a fault of trunks is not that of the stream that all calls share
            log.exception("trunks not in use")

    async def _write_events(self) -> None:
        while True:
            await self.spool.wake.wait()
            self.spool.wake.clear()
            while (events := self.spool.batch()) is not None:
                self._outbox.put_nowait(pb.GatewayMessage(events=events))
                await asyncio.sleep(0)

    async def _write_messages(self, stream: Stream) -> None:
        while True:
            await self._write(stream, await self._outbox.get())

    async def _write(self, stream: Stream, message: pb.GatewayMessage) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await stream.write(message)
        except TimeoutError:
            raise PlaneAway(f"it has read nothing for {WRITE_SECONDS:.0f} s") from None
        except asyncio.InvalidStateError:
            return  # the stream has ended, and the reader says why

    async def _watch(self) -> None:
        """Leave a control plane that commits nothing."""
        while True:
            before = self.spool.acknowledged
            waited_for = self.spool.outstanding
            await asyncio.sleep(ACKNOWLEDGE_SECONDS)
            if waited_for and self.spool.outstanding and self.spool.acknowledged == before:
                raise PlaneAway(f"it has committed no event for {ACKNOWLEDGE_SECONDS:.0f} s")

    def _detach(self) -> bool:
        was_attached, self.attached = self.attached, False
        self.spool.detach()
        self._outbox = asyncio.Queue()
        for question in self._questions.values():
            if not question.done():
                question.set_exception(PlaneAway("The control plane went away before it answered."))
        return was_attached

    def _own(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _be_cancelled() -> None:
    """gRPC may turn a cancelled task's wait into an error of its own."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _sentence(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _sentence(error.exceptions[0])
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error) or type(error).__name__
