"""One call on a worker: events of the gateway in, the turn machine in the middle, commands carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.journal import Entry
from gateway.conversation.latency import TurnLatency
from gateway.conversation.turn import TurnMachine
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.base import TranscriberStream
from gateway.worker.announcements import Announcements, wanted
from gateway.worker.call_actions import CallActions
from gateway.worker.clock import CallClock
from gateway.worker.consent import consent_of
from gateway.worker.control import LiveControl
from gateway.worker.hearing import Hearing
from gateway.worker.journal import Durability, Send, SessionJournal
from gateway.worker.messages import event_of, message_of
from gateway.worker.opening import Opening, Resources
from gateway.worker.playout_watch import PlayoutWatch
from gateway.worker.recording import RecordingSender
from gateway.worker.resumption import journal_beginning, started
from gateway.worker.session_parts import SessionParts, make_parts
from gateway.worker.tool_port import CallToolPort, HandOff, not_asked
from gateway.worker.transfer_briefing import Briefing
from gateway.worker.turn_loop import TurnLoop


class Session:
    """One conversation. `run` holds it from opening to end; `receive` takes the gateway's events meanwhile.

    :param send: passes an event to the gateway, at once when urgent, else with the next tick
    :param keep: is given each entry of the journal, for the next session of the call
    :param durability: what the gateway has on disk of the call's entries
    :param hand_off: has another assistant take the call over
    :param leave: is told when it does so at once, with the call clock since which the caller's words are for it
    """

    def __init__(
        self,
        opening: Opening,
        resources: Resources,
        *,
        send: Send,
        clock: CallClock,
        keep: Callable[[Entry], None],
        durability: Durability,
        hand_off: HandOff,
        leave: Callable[[int], None],
    ) -> None:
        self._opening = opening
        self._send = send
        self._hand_off = hand_off
        self._leave = leave
        self._log = structlog.get_logger(__name__).bind(call=opening.call_id)
        self._clock = clock
        self._context = opening.restored.context
        self.journal = SessionJournal(
            self._context, opening.usage, now=self.now, send=send, keep=keep, durability=durability
        )
        self.latency: TurnLatency | None = None
        """Of a turn that was taken in the session before and has not been answered."""
        messages = wanted(opening.shown, opening.call)
        self._announcements = Announcements(self.journal, messages, turn=opening.restored.turn)
        self._consent = consent_of(opening, resources.model, self.journal, hand_off, self._spawn)
        self._resources = replace(resources, model=self._consent) if self._consent else resources
        self._parts: SessionParts | None = None
        briefing = Briefing(opening, resources, self._context)
        self._actions = CallActions(lambda event: self.send(event, urgent=True), f"tool-{opening.at_ms}", briefing)
        self._playout = PlayoutWatch()
        self._group: asyncio.TaskGroup | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._early: list[pb.GatewayEvent] = []
        self._last_utterance = max(opening.at_ms, opening.restored.last_utterance)
        self._held = False
        self._deaf = False
        self._control = LiveControl(self, hand_off=hand_off, send_on=self._actions.transfer, spawn=self._spawn)
        self._turns = TurnLoop(
            TurnMachine(opening.plan),
            clock,
            carry_out=self._carry_out,
            announcements=self._announcements,
            crash=self._crash,
            tell_ending=lambda reason: self.journal.write("ending", reason=reason),
            recording=RecordingSender(opening.plan, self.send) if opening.recorded else None,
        )

    # ------------------------------------------------------------ life

    @property
    def member(self) -> int:
        """Who has the call in this session."""
        return self._opening.member

    @property
    def turn(self) -> int:
        """The last turn that was taken."""
        return self._turns.turn

    @property
    def first_message(self) -> str:
        """What the assistant says first, or would."""
        return self._opening.first_message

    @property
    def handoffs(self) -> int:
        """How often the call was handed over since the caller spoke."""
        restored = self._opening.restored
        return 0 if self.turn > restored.turn else restored.handoffs

    @property
    def goes_on(self) -> bool:
        """Neither the call nor this assistant's part of it is over."""
        return not self._over.done()

    @property
    def between_turns(self) -> bool:
        """Nobody speaks, and nothing is owed."""
        return self._turns.between_turns

    @property
    def acts(self) -> bool:
        """Something is being done besides speaking: a tool or a hook runs, or the call is asked to do something."""
        if self._parts is None:
            return False
        return self._parts.tools.busy or self._parts.hooks.busy or self._actions.busy

    async def run(self, stream: TranscriberStream) -> None:
        """Hold the conversation until the call ends, or goes to another assistant.

        :param stream: the open transcription; it is closed in the end
        """
        hearing = Hearing(
            detector=self._resources.detector,
            stream=stream,
            clock=self._clock,
            dispatch=self.dispatch,
            turn_detector=self._resources.turn_detector,
            reason=partial(self._resources.ended_reason, "transcriber"),
        )
        try:
            await self._converse(hearing)
        finally:
            self._turns.close()
            await hearing.close()

    async def _converse(self, hearing: Hearing) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            parts = self._parts = self._make_parts(hearing)
            parts.tools.prepare()
            preparing = group.create_task(self._resources.prepare(), name="connections")
            listening = group.create_task(hearing.listen(), name="transcripts")
            self._resources.notes.go_to(self.journal)
            self._begin()
            await self._over
            preparing.cancel()
            # The gateway listens for a moment only, so that what the providers count now is told at once.
            self._opening.usage.on_news = self.journal.tell_usage
            parts.stop()
            listening.cancel()
            await parts.close()

    def _make_parts(self, hearing: Hearing) -> SessionParts:
        variables, answer = self._opening.variables, self._consent.answer if self._consent else not_asked
        return make_parts(
            self,
            self._opening,
            self._resources,
            hearing=hearing,
            context=self._context,
            tool_port=CallToolPort(self, self.journal, self._actions, self._context, variables, self._hand_off, answer),
            announcements=self._announcements,
            latency=self.latency,
            spawn=self._spawn,
        )

    def _begin(self) -> None:
        journal_beginning(self._opening, self.journal, self.now())
        self.dispatch(started(self._opening.restored, self.now(), resumed=self._opening.resumed))
        if self._opening.backlog is not None:
            self._hear(self._opening.backlog)
        if self._opening.at_ms:
            # the call goes on since its answer: its clock is what `call.timeElapsed` counts by
            self._running.hooks.run_clock()
        early, self._early = self._early, []
        for event in early:
            self._receive(event)

    @property
    def _running(self) -> SessionParts:
        """What carries out commands: events come to the turn machine only once it is there."""
        assert self._parts is not None
        return self._parts

    def _spawn(self, work: Coroutine[None, None, Any], *, name: str) -> asyncio.Task[Any]:
        assert self._group is not None
        return self._group.create_task(work, name=name)

    # ------------------------------------------------------------ from the gateway

    def receive(self, event: pb.GatewayEvent) -> None:
        """Take an event of this call. A fault ends the session, never the stream that other calls share."""
        if self._parts is None:
            self._early.append(event)
            return
        try:
            self._receive(event)
        except Exception as error:  # noqa: BLE001  border: the shared stream reads on; `run` raises it
            self._crash(error)

    def _receive(self, event: pb.GatewayEvent) -> None:
        match event.WhichOneof("event"):
            case "audio":
                self._hear(event.audio)
            case "hold":
                self._hold(event.hold)
            case "control":
                self._control.take(event.control.json)
            case "answered":
                self._clock.heard(event.answered.at_ms)
                self._running.hooks.run_clock()
                self.dispatch(e.Answered(self.now()))
            case "end":
                self._end(event.end)
            case "action_result":
                result = event.action_result
                self._actions.answered(result)
                self.journal.note("action", action=result.action, ok=result.ok, detail=result.detail)
            case kind:
                if kind == "playout":
                    self._played(event.playout)
                if (known := event_of(event, self.now())) is not None:
                    self.dispatch(known)

    def _played(self, report: pb.PlayoutReport) -> None:
        self._playout.reported(report)
        self._running.hearing.played(report)
        self._running.replies.played(report)

    def _hear(self, audio: pb.CallerAudio) -> None:
        if not self._held:
            self._running.hearing.push(bytes(len(audio.pcm)) if self._deaf else audio.pcm, audio.at_ms)

    def hear_caller(self, heard: bool) -> None:
        """Live control mutes the caller, or lets the caller be heard again."""
        self._deaf = not heard

    def _hold(self, notice: pb.HoldNotice) -> None:
        self._held = notice.held
        if notice.held:
            self._running.hearing.held(notice.at_ms)
        self.dispatch(e.HoldChanged(self.now(), notice.held))

    def _end(self, end: pb.EndCall) -> None:
        self.dispatch(e.CallEnded(self.now()))
        self._running.hooks.ending(end.reason)
        self._log.info("call ended", reason=end.reason)
        self._end_here()

    def leave(self) -> None:
        """Another worker goes on with the call. What is known so far is told; nothing follows."""
        self.journal.tell_usage()
        self._end_here()

    def _end_here(self) -> None:
        self._announcements.close()
        self._turns.flush()
        self.latency = self._running.replies.latency
        if not self._over.done():
            self._over.set_result(None)

    # ------------------------------------------------------------ the turn machine

    def now(self) -> int:
        """Call clock, ms."""
        return self._clock.now()

    def dispatch(self, event: e.Event) -> None:
        """Tell the turn machine, and carry out what it wants. Events that come of that are told afterwards."""
        self._turns.dispatch(event)

    def _crash(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)

    def _carry_out(self, command: c.Command) -> None:
        self._announcements.done(command)
        match command:
            case c.Transcribe():
                self._running.hearing.transcribe(command)
            case c.AskEndpointing():
                self._running.endpointing.ask(command)
            case c.Screen():
                self._running.hearing.screen(command)
            case c.Note(event=event, detail=detail):
                if event == "failure":
                    self._log.warning(event, detail=detail)
                self.journal.note(event, detail=detail)
            case c.HandOff(unheard_ms=unheard_ms):
                self._end_here()
                self._leave(unheard_ms)
            case c.CutUtterances() | c.GiveVerdict() | c.HangUp() | c.Fail():
                self.send(message_of(command, self.now()), urgent=True)
                self._running.hooks.watch(command)
                if isinstance(command, c.CutUtterances):
                    self.journal.write("interruption", utterance=command.up_to, reason=command.reason)
            case c.CarryOutHook(hook=number):
                self._running.hooks.carry_out(number)
            case _:
                self._carry_out_reply(command)

    def _carry_out_reply(self, command: c.ReplyCommand) -> None:
        replies = self._running.replies
        match command:
            case c.CommitTurn():
                self._running.hearing.turn_taken()
                replies.take_turn(command)
            case c.PrepareReply() | c.PrepareSpeech():
                replies.prepare(command)
            case c.CommitReply() | c.Speak() | c.StopReply():
                replies.steer(command)
                self._running.hooks.watch(command)
            case c.CloseReply():
                replies.close(command)
                self._control.closed(command)
                if self._consent is not None:
                    self._consent.closed(command)
                self.journal.tell_usage()

    # ------------------------------------------------------------ what replies ask of the session

    def next_utterance(self) -> int:
        """A new utterance id: above all of this call, on this worker and those before it."""
        self._last_utterance += 1
        return self._last_utterance

    def when_over(self, utterance: int, step: Callable[[], None]) -> None:
        """Do something when the utterance was heard to its end, or cut."""
        self._playout.when_over(utterance, step)

    def audio_sent(self, turn: int, utterance: int) -> None:
        """Audio of the answer to this turn went out."""
        self._running.replies.audio_sent(turn, utterance)

    def speaks(self, utterance: int, item: str) -> None:
        """An utterance is an item of a model that speaks by itself."""
        self._running.replies.speaks(utterance, item)

    def planned(self, turn: int, kind: str, text: str) -> None:
        """Journal all that a reply says: another worker can say the rest of it."""
        self.journal.append(Entry(self.now(), "reply", {"turn": turn, "kind": kind, "text": text}))

    def told(self, utterance: int, turn: int, text: str) -> None:
        """Journal what an utterance says in all: more of it became known after its beginning."""
        self.journal.write("utterance", utterance=utterance, turn=turn, text=text)

    # ------------------------------------------------------------ to the gateway

    def send(self, event: pb.WorkerEvent, *, urgent: bool = False) -> None:
        """Pass an event on; an utterance is journalled before it."""
        if event.WhichOneof("event") == "audio":
            self._running.hearing.said(event.audio)
        if event.WhichOneof("event") == "utterance":
            said = event.utterance
            marks = ({"filler": True} if said.filler else {}) | ({} if said.interruptible else {"interruptible": False})
            self.journal.write("utterance", utterance=said.utterance, turn=said.turn, text=said.text, **marks)
        self._send(event, urgent)
