"""One call: it owns the leg, the playout, the recording, the journal and its place on a worker.

The state machine decides, `Call` carries out. What the leg tells comes to `leg_events`; everything that waits for
somebody is a task of the call's own task group, which ends with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan, Forwarding
from gateway.call import endings
from gateway.call.actions import Actions
from gateway.call.audience import Audience
from gateway.call.books import Books
from gateway.call.call_services import CallServices
from gateway.call.commands import Commands
from gateway.call.conversation_link import ConversationLink, Loss
from gateway.call.dialling import Dialling
from gateway.call.dialog import KIND as DIALOG
from gateway.call.dialog import KeptDialog
from gateway.call.extension import Key
from gateway.call.forwarding import ForwardedCall
from gateway.call.journal_readers import JournalReaders
from gateway.call.leg import Direction, Leg
from gateway.call.leg_events import LegEvents
from gateway.call.media_watch import MediaWatch
from gateway.call.move.of_call import LIVING, Moves
from gateway.call.pauses import Pauses
from gateway.call.plan import durations_of
from gateway.call.progress import Progress, Stage
from gateway.call.quiet import Quiet
from gateway.call.state import (
    RING_SECONDS,
    Accepted,
    CallMachine,
    DeadlinePassed,
    EndNow,
    Event,
    NoWorkerLeft,
    State,
)
from gateway.call.steady_clock import steady
from gateway.call.transfer.of_call import Handovers
from gateway.call.transfer.plan import longest_seconds
from gateway.call.worker_of_call import WorkerOfCall
from gateway.conversation.live_control import Control, EndCall, SendTransportMessage, read_control
from gateway.errors import NotLive
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

_CONTROLLED = frozenset({State.LIVE, State.FORWARDED})
"""Also the recording of who talks with somebody else over us can be paused."""


class Call:
    """A call from its first ring to its record.

    :param call_id: names the record, the journal and the recording
    :param assistant: who answers: of a plan its first member
    :param variables: template variables of this call alone
    :param plan: what the control plane resolved; None for an assistant of the settings
    :param ring_seconds: how long an outbound call rings, None for the usual time
    :param fallback: Vapi's destination of a caller whom no worker takes, or none is left for; where the plan has none
    :param forwarding: somebody else is called in place of a worker; that of the plan, where there is one
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
        forwarding: Forwarding | None = None,
        dialling: Dialling | None = None,
        extension: Sequence[Key] = (),
    ) -> None:
        self.id = call_id
        self.leg = leg
        self.assistant = assistant
        self.assistant_name = assistant_name
        self.now = steady(services.now, asyncio.get_running_loop().time)
        self.started_at = self.now()
        self.progress = Progress()
        self.audience = Audience()
        self.plan = plan
        self.dialling = dialling
        self.services = services
        self._loop = asyncio.get_running_loop()
        self._forwarding = (plan.forwarding if plan else None) or forwarding
        self.forwarded: ForwardedCall | None = None
        """Set while somebody else is called in place of a worker, and from then on."""
        self.opened = asyncio.Event()
        """The call was answered, and its media flows."""
        self._fallback = (plan.fallback_destination if plan else None) or fallback
        self.machine = self._make_machine(ring_seconds)
        self.leg_events = LegEvents(self)
        self.books = self._make_books()
        self.journal = self.books.journal
        self._commands = Commands(self, extension=extension, fallback=self._fallback)
        self.recording = self.books.recording(tell=self._on_recording, press=self._press)
        self.playout = Playout(leg, self._on_report)
        self.pauses = Pauses(self.playout)
        self.quiet = Quiet(lambda: self.playout.idle)
        self.conversation = ConversationLink(self)
        self.handovers = Handovers(self)
        self.worker = WorkerOfCall(self, variables)
        self.moves = Moves(self)
        self.actions = self._make_actions()
        self.backlog: deque[bytes] = deque(maxlen=BACKLOG_FRAMES)
        self._inbox: asyncio.Queue[Event] = asyncio.Queue()
        self._children: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self.watch = self._make_watch()
        self.log: FilteringBoundLogger = log.bind(call=call_id)

    def _make_machine(self, ring_seconds: float | None) -> CallMachine:
        called = self.leg.info.direction is Direction.INBOUND
        longest = max(self.assistant.max_duration_seconds, *durations_of(self.plan), 0)
        return CallMachine(
            self.leg.info.direction,
            now=self._loop.time(),
            max_seconds=longest + MAX_DURATION_GRACE_SECONDS,
            ring_seconds=ring_seconds or RING_SECONDS,
            forward_seconds=longest_seconds(self._fallback) if called and self._fallback else None,
        )

    def _make_books(self) -> Books:
        return Books(
            self.id,
            calls=self.services.calls,
            disk=self.services.disk,
            assistant=self.assistant,
            recording=self.services.recording,
            now=self.now,
            publish=JournalReaders(self).read,
            full=self._on_capture_full,
        )

    def _make_actions(self) -> Actions:
        return Actions(
            self.leg,
            self.journal,
            played_out=self.quiet.wait,
            end=self.post,
            reply=lambda result: self.conversation.send(pb.GatewayEvent(action_result=result)),
            tell=lambda kind, data: self.journal.append(self.now_ms, kind, data),
            verb=lambda destination: self.services.verb(destination, self.leg),
            hand_over=self.handovers.begin,
            record=self.recording.control,
        )

    def _make_watch(self) -> MediaWatch:
        return MediaWatch(
            self.leg,
            self.services.rtp,
            recent=lambda: reversed(self.backlog),
            tell=lambda note: self.journal.append(self.now_ms, "note", note),
            end=lambda: self.post(EndNow(endings.NO_CUSTOMER_AUDIO)),
        )

    @property
    def now_ms(self) -> int:
        """The call clock: start of the last tick that came."""
        return self.leg_events.tick * FRAME_MS

    @property
    def answered_for_ms(self) -> int:
        """Since the answer, or the beginning of a call that nobody has answered yet, on the call clock."""
        return self.now_ms - self.leg_events.answered_ms

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
        self.leg.attach(self.leg_events)
        self.leg.keep_dialog(self.keep_dialog)
        if self.books.capture is not None:
            self.leg.capture(self.books.capture)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self.spawn(self._commands.ask_leg(self.leg.alert(), only=Direction.INBOUND))
                self.spawn(self._find_taker())
                if self.dialling is not None:
                    self.spawn(self.dialling.run(lambda attempt: self.journal.append(0, "dial-attempt", attempt)))
                await self._until_ended()
                for child in self._children:
                    child.cancel()
        finally:
            await self._close()
            metrics.CALLS_ACTIVE.labels(info.direction).dec()

    async def _find_taker(self) -> None:
        """A worker, unless somebody else is to be called; who may be as well where no worker takes the call."""
        if self._forwarding is None and await self.worker.find():
            return
        if self._forwarding is None and self._fallback and self._dials_fallback:
            why = "no worker takes the call"
            self._forwarding = Forwarding(destination=dict(self._fallback), why=why, failure=endings.NO_WORKER)
        if self._forwarding is None:
            self.post(NoWorkerLeft())
            return
        self.forwarded = ForwardedCall(self, self._forwarding)
        await self.forwarded.run()

    @property
    def _dials_fallback(self) -> bool:
        return self.leg.info.direction is Direction.INBOUND and self.services.dials_on(self.leg)

    async def pick_up(self) -> None:
        """Answer a caller who still rings, for somebody who is not a worker; returns when media flows."""
        if self.state is State.RINGING:
            self.post(Accepted())
        await self.opened.wait()

    def post(self, event: Event) -> None:
        """Give the state machine an event."""
        if not self.handovers.keeps(event):
            self._inbox.put_nowait(event)

    def learn(self, at_ms: int, kind: str, data: Mapping[str, Any]) -> None:
        """An entry for the journal, of the conversation."""
        if kind == "recording-consent":
            self.recording.consented(data)
        self.journal.append(at_ms, kind, data)
        self.moves.learned(kind, data)

    def lost(self, loss: Loss) -> None:
        """The worker does not have the conversation any more: another one goes on."""
        self.moves.lost(loss)

    async def durable(self) -> bool:
        """Wait until the journal so far is on disk; false where the disk does not take it in time."""
        return await self.journal.durable()

    def keep_dialog(self, dialog: KeptDialog) -> None:
        """What another gateway needs to end a dialog of this call, should this one die."""
        self.journal.append(self.now_ms, DIALOG, dialog.shown())

    def keep_events(self, lines: str) -> None:
        """What happened to the conversation, as far as it may be kept."""
        if self.books.events is not None and self.recording.allowed:
            self.books.events.append(lines.encode(errors="replace"))

    def act(self, action: pb.Action) -> None:
        """The worker asks for something besides speech; what it asks twice is done once."""
        if self.actions.admit(action):
            self.spawn(self.actions.perform(action))

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
        if self.state not in _CONTROLLED and not isinstance(read, EndCall):
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

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Run something that waits as a task of this call; nothing is begun once it has ended."""
        if self.state is State.ENDED:
            work.close()
            return None
        assert self._tasks is not None
        task = self._tasks.create_task(work, name=f"call {self.id}")
        self._children.add(task)
        task.add_done_callback(self._children.discard)
        return task

    async def _until_ended(self) -> None:
        while self.machine.state is not State.ENDED:
            event = await self._next_event()
            before = self.machine.state
            commands = self.machine.handle(event, self._loop.time())
            if self.machine.state is not before:
                if self.machine.state not in LIVING:
                    self.moves.end()
                self.log.info("call state", state=str(self.machine.state), because=type(event).__name__)
            for command in commands:
                await self._commands.carry_out(command)

    async def _next_event(self) -> Event:
        while True:
            deadline = self.machine.deadline
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._inbox.get()
            except TimeoutError:
                # a call that may go on has a later one by now
                if self.machine.deadline <= deadline:
                    return DeadlinePassed()

    # ------------------------------------------------------------ recording and playout

    def _press(self, key: str) -> None:
        self.conversation.send(pb.GatewayEvent(keypress=pb.Keypress(at_ms=self.now_ms, digit=key)))

    def _on_recording(self, change: str, by: str) -> None:
        self.journal.append(self.now_ms, "recording", {"state": STATES[change], "by": by})
        self.conversation.control({"type": "control", "control": change})

    def _on_capture_full(self) -> None:
        """Called on the thread that collects packets."""

        def note() -> None:
            self.journal.append(self.now_ms, "note", {"event": "capture-full"})

        self._loop.call_soon_threadsafe(note)

    def _on_report(self, report: Report) -> None:
        self.conversation.report(report)
        if report.position:
            self.moves.heard(report.utterance)
        self.books.count(report)

    # ------------------------------------------------------------ end

    def _end_reason(self) -> str:
        """Of a call that only says something, saying it is the end that was wanted."""
        reason = self.handovers.end_reason(self.machine.end_reason or endings.FAULT)
        if self.forwarded is not None:
            reason = self.forwarded.end_reason(reason)
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
            duration_ms = self.answered_for_ms if self.machine.answered else None
            metrics.observe_call_ended(self.leg.info.direction, reason, duration_ms=duration_ms)
            self.audience.end()
            self.progress.reach(Stage.ENDED, reason, self.machine.end_status)
            self.log.info("call ended", reason=reason, status=self.machine.end_status, clock_ms=self.now_ms)
