"""One call: it owns the leg, the playout, the recording, the journal and its place on a worker.

The state machine decides, `Call` carries out. Media ticks are handled at once in `on_frame`; everything that waits for
somebody is a task of the call's own task group, which ends with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import structlog

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan
from gateway.call import endings
from gateway.call.actions import Actions
from gateway.call.audience import Audience, Sound
from gateway.call.books import Books
from gateway.call.budget import BudgetWatch, budget_watch
from gateway.call.call_services import CallServices
from gateway.call.commands import Commands
from gateway.call.conversation_link import ConversationLink
from gateway.call.dialling import Dialling
from gateway.call.extension import Key
from gateway.call.journal import Entry
from gateway.call.leg import Direction, Leg, LegFrame, LegInfo
from gateway.call.media_watch import MediaWatch
from gateway.call.pauses import Pauses
from gateway.call.placement import place
from gateway.call.plan import durations_of, start_call
from gateway.call.progress import Progress, Stage
from gateway.call.quiet import Quiet
from gateway.call.state import (
    RING_SECONDS,
    Accepted,
    Answered,
    CallMachine,
    DeadlinePassed,
    EndNow,
    Event,
    LegEnded,
    NoWorkerLeft,
    State,
)
from gateway.call.transfer.of_call import Handovers
from gateway.conversation.live_control import Control, EndCall, SendTransportMessage, read_control
from gateway.errors import NotLive, NoWorker
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_MS
from gateway.media.playout import Playout
from gateway.media.utterance import Report
from gateway.observe import metrics
from gateway.recording.of_call import STATES

log = structlog.get_logger(__name__)

TRAILING_SECONDS = 0.3
"""After the end, for the worker's last journal entries."""
MAX_DURATION_GRACE_SECONDS = 15.0
"""Beyond the assistant's limit: the worker ends the call in words, the gateway only when it does not."""
BACKLOG_FRAMES = 1500
"""Caller audio kept for a worker that takes over, at most 30 s."""


class Call:
    """A call from its first ring to its record. Implements `LegListener`.

    :param call_id: names the record, the journal and the recording
    :param assistant: who answers: of a plan its first member
    :param variables: template variables of this call alone
    :param plan: what the control plane resolved; None for an assistant of the settings
    :param ring_seconds: how long an outbound call rings, None for the usual time
    :param fallback: Vapi's destination of a caller whom no worker takes; that of the plan, where there is one
    :param dialling: goes on where an attempt of an outbound call fails
    :param extension: dialled when somebody has answered, before the agent speaks
    """

    def __init__(
        self,
        leg: Leg,
        *,
        call_id: str,
        assistant_name: str,
        assistant: Assistant,
        services: CallServices,
        variables: Mapping[str, Any] = MappingProxyType({}),
        plan: CallPlan | None = None,
        ring_seconds: float | None = None,
        fallback: Mapping[str, Any] | None = None,
        dialling: Dialling | None = None,
        extension: Sequence[Key] = (),
    ) -> None:
        self.id = call_id
        self.leg = leg
        self.assistant = assistant
        self.assistant_name = assistant_name
        self.started_at = services.now()
        self.progress = Progress()
        self.audience = Audience()
        self.plan = plan
        self._variables = variables
        self._dialling = dialling
        self.services = services
        self._loop = asyncio.get_running_loop()
        limit = max(assistant.max_duration_seconds, *durations_of(plan), 0) + MAX_DURATION_GRACE_SECONDS
        self.machine = CallMachine(
            leg.info.direction, now=self._loop.time(), max_seconds=limit, ring_seconds=ring_seconds or RING_SECONDS
        )
        self.books = Books(
            call_id,
            calls=services.calls,
            disk=services.disk,
            assistant=assistant,
            recording=services.recording,
            now=services.now,
            publish=self._publish,
        )
        self._budget = budget_watch(assistant, plan, services.prices, leg.info.trunk)
        self._member = plan.members[0].name if plan else assistant.name
        self.journal = self.books.journal
        self._commands = Commands(self, extension=extension, fallback=plan.fallback_destination if plan else fallback)
        self.recording = self.books.recording(tell=self._on_recording, press=self._press)
        self.playout = Playout(leg, self._on_report)
        self.pauses = Pauses(self.playout)
        self.quiet = Quiet(lambda: self.playout.idle)
        self.conversation = ConversationLink(self)
        self.handovers = Handovers(self)
        self.actions = Actions(
            leg,
            self.journal,
            played_out=self.quiet.wait,
            end=self.post,
            reply=lambda result: self.conversation.send(pb.GatewayEvent(action_result=result)),
            tell=lambda kind, data: self.journal.append(self.now_ms, kind, data),
            hand_over=self.handovers.begin,
            record=self.recording.control,
        )
        self.backlog: deque[bytes] = deque(maxlen=BACKLOG_FRAMES)
        self._inbox: asyncio.Queue[Event] = asyncio.Queue()
        self._children: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self.watch = MediaWatch(
            leg,
            services.rtp,
            recent=lambda: reversed(self.backlog),
            tell=lambda note: self.journal.append(self.now_ms, "note", note),
            end=lambda: self.post(EndNow(endings.NO_CUSTOMER_AUDIO)),
        )
        self._tick = 0
        self._answered_ms = 0
        self.log = log.bind(call=call_id)

    @property
    def now_ms(self) -> int:
        """The call clock: start of the last tick that came."""
        return self._tick * FRAME_MS

    @property
    def lines(self) -> list[str | None]:
        """The trunk of each of its legs: a transfer that we dial takes a place of its own."""
        return [leg.info.trunk for leg in (self.leg, self.handovers.leg) if leg is not None]

    @property
    def state(self) -> State:
        """Where the call is."""
        return self.machine.state

    def describe(self) -> str:
        """The path of a frame, stage by stage."""
        recorder = "recorder, " if self.books.recorder else ""
        return f"{self.leg.describe()} -> {recorder}{self.playout}, link to {self.conversation.worker or 'no worker'}"

    # ------------------------------------------------------------ life

    async def run(self) -> None:
        """Live the call to its end. Returns when the leg is gone and the record is on its way to the disk."""
        info = self.leg.info
        metrics.CALLS_ACTIVE.labels(info.direction).inc()
        self.books.open(info, self.assistant_name, self.plan)
        self.leg.attach(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self.spawn(self._commands.ask_leg(self.leg.alert(), only=Direction.INBOUND))
                self.spawn(self._find_worker())
                if self._dialling is not None:
                    self.spawn(self._dialling.run(lambda attempt: self.journal.append(0, "dial-attempt", attempt)))
                await self._until_ended()
                for child in self._children:
                    child.cancel()
        finally:
            await self._close()
            metrics.CALLS_ACTIVE.labels(info.direction).dec()

    def post(self, event: Event) -> None:
        """Give the state machine an event."""
        if not self.handovers.keeps(event):
            self._inbox.put_nowait(event)

    def say(self, text: str, *, end_call_after: bool = False, interruptible: bool = True) -> None:
        """Let the agent say a text as soon as it has the floor.

        :raises NotLive: when the call is not answered yet, or is ending
        """
        if self.state is not State.LIVE:
            raise NotLive(f"Call {self.id} is {self.state}; a text can be said only while it is live.")
        say = pb.Say(text=text, end_call_after=end_call_after, uninterruptible=not interruptible)
        self.conversation.send(pb.GatewayEvent(say=say))

    def control(self, message: Mapping[str, Any], by: str = "control") -> None:
        """Do what a message of live control asks.

        :raises InvalidControl: the message is not valid
        :raises NotLive: when the call is not answered yet, or is ending
        """
        read = read_control(message)
        if self.state is not State.LIVE and not isinstance(read, EndCall):
            raise NotLive(f"Call {self.id} is {self.state}; it can be controlled only while it is live.")
        self.journal.append(self.now_ms, "control", message)
        if isinstance(read, EndCall):
            self.post(EndNow(endings.MANUALLY_CANCELED))
            return
        if isinstance(read, SendTransportMessage):
            self.spawn(self.actions.send_message(read))
            return
        if not (isinstance(read, Control) and self.recording.control(read.control, by)):
            self.conversation.control(message)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that waits as a task of this call."""
        assert self._tasks is not None
        task = self._tasks.create_task(work, name=f"call {self.id}")
        self._children.add(task)
        task.add_done_callback(self._children.discard)

    async def _until_ended(self) -> None:
        while self.machine.state is not State.ENDED:
            event = await self._next_event()
            before = self.machine.state
            commands = self.machine.handle(event, self._loop.time())
            if self.machine.state is not before:
                self.log.info("call state", state=str(self.machine.state), because=type(event).__name__)
            for command in commands:
                await self._commands.carry_out(command)

    async def _next_event(self) -> Event:
        try:
            async with asyncio.timeout_at(self.machine.deadline):
                return await self._inbox.get()
        except TimeoutError:
            return DeadlinePassed()

    async def _find_worker(self) -> None:
        info = self.leg.info
        services = self.services
        start = start_call(
            self.id,
            info,
            self.plan or self.assistant,
            services.now(),
            self._variables,
            record_events=self.books.events is not None,
            ask_consent=self.books.asks_consent,
        )
        try:
            worker = await place(self.services.workers, self.conversation, start)
        except NoWorker as error:
            self.log.warning("no worker", detail=str(error))
            self.post(NoWorkerLeft())
            return
        self.conversation.take(worker)
        self.journal.append(self.now_ms, "worker", {"worker": worker.worker})
        self.post(Accepted())

    # ------------------------------------------------------------ what the leg tells

    def on_frame(self, frame: LegFrame) -> None:
        """A media tick: the hot path, a few microseconds."""
        try:
            tick = self._tick = frame.tick
            caller, agent = self.recording.hear(tick, frame.caller, self.handovers.heard_with(frame.agent))
            if self.audience:
                self.audience.hear(Sound(caller, agent))
            self.conversation.frame(tick * FRAME_MS, caller, frame.present)
            self.backlog.append(caller)
            self.playout.on_frame(frame)
            self.conversation.sounded(tick * FRAME_MS, frame.agent)
            if self.pauses.pending is not None:
                self.conversation.check_pause(tick * FRAME_MS)
            self.quiet.tick()
        except Exception:  # the frames of the other calls come in the same batch
            if self.machine.state is not State.CLOSING:
                self.log.exception("media tick failed", tick=frame.tick)
            self.post(EndNow(endings.FAULT))

    def on_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        """The fast VAD paused playout: the worker decides, or the deadline."""
        self.conversation.pause(utterance, position, onset_tick * FRAME_MS, tick * FRAME_MS)

    def on_ringing(self) -> None:
        """The far end rings."""
        if self.progress.stage is Stage.STARTED:
            self.journal.append(self.now_ms, "ringing", {})
        self.progress.reach(Stage.RINGING)

    def on_answered(self) -> None:
        """Media flows."""
        self.progress.reach(Stage.ANSWERED)
        self._answered_ms = self.now_ms
        self.backlog.clear()
        if self._dialling is not None:
            self._dialling.answered()
        self.post(Answered())

    def on_digit(self, digit: str) -> None:
        """A DTMF digit."""
        self.recording.key(digit)

    def _press(self, key: str) -> None:
        self.conversation.send(pb.GatewayEvent(keypress=pb.Keypress(at_ms=self.now_ms, digit=key)))

    def _on_recording(self, change: str, by: str) -> None:
        self.journal.append(self.now_ms, "recording", {"state": STATES[change], "by": by})
        self.conversation.control({"type": "control", "control": change})

    def on_hold(self, held: bool) -> None:
        """The far end holds us: nothing is said to it, and nothing it sends is the caller."""
        self.journal.append(self.now_ms, "hold", {"held": held})
        self.playout.hold(held)
        self.watch.hold(held)
        self.conversation.hold(self.now_ms, "far end", held)

    def on_transfer(self, ok: bool, detail: str) -> None:
        """The outcome of a transfer."""
        self.actions.on_transfer(ok, detail)

    def on_replaced(self, info: LegInfo) -> None:
        """Another party took the place of the caller's."""
        self.journal.append(self.now_ms, "note", {"event": "replaced", "caller": info.caller, "called": info.called})

    def on_ended(self, status: int, reason: str, *, by_remote: bool) -> None:
        """The leg is gone."""
        self.log.info("leg ended", status=status, reason=reason, by_remote=by_remote)
        self.post(LegEnded(status, by_remote))

    def _publish(self, entry: Entry) -> None:
        """A line of the journal, for the control plane and for those who listen."""
        if self.services.spool is not None:
            self.services.spool.add(self.id, entry)
        self.audience.learn(entry)
        if entry.kind == "assistant":
            self._member = str(entry.data.get("name") or self._member)
        elif entry.kind == "usage" and self._budget is not None:
            self._keep_budget(self._budget, entry.data.get("rows", ()))

    def _keep_budget(self, budget: BudgetWatch, rows: Sequence[Mapping[str, Any]]) -> None:
        spent = budget.passed(rows, Decimal(self.now_ms - self._answered_ms) / 1000)
        if spent is not None and self.state is State.LIVE:
            note = {"event": "budget", "spent": float(spent), "action": budget.budget.action}
            self.journal.append(self.now_ms, "note", note)
            self.control(budget.control(self._member))

    # ------------------------------------------------------------ playout

    def _on_report(self, report: Report) -> None:
        self.conversation.report(report)
        self.books.count(report)

    # ------------------------------------------------------------ end

    def _end_reason(self) -> str:
        """Of a call that only says something, saying it is the end that was wanted."""
        reason = self.handovers.end_reason(self.machine.end_reason or endings.FAULT)
        announcement = self.plan.announcement if self.plan else None
        return announcement.reason if announcement and reason in endings.ASSISTANT_DONE else reason

    async def _close(self) -> None:
        """Everything the call holds is given back here, however it ended."""
        reason = self._end_reason()
        ending = {"at": self.books.time(), "reason": reason, "sip_status": self.machine.end_status}
        try:
            self.conversation.end(self.now_ms, reason)
            await self._commands.take_statistics()
            await asyncio.sleep(TRAILING_SECONDS)
        finally:
            self.conversation.close()
            ending |= {"dropped_caller_ms": self.conversation.dropped_ms, "path": self.describe()}
            self.books.close(self.now_ms, ending)
            duration_ms = self.now_ms - self._answered_ms if self.machine.answered else None
            metrics.observe_call_ended(self.leg.info.direction, reason, duration_ms=duration_ms)
            self.audience.end()
            self.progress.reach(Stage.ENDED, reason, self.machine.end_status)
            self.log.info("call ended", reason=reason, status=self.machine.end_status, clock_ms=self.now_ms)
