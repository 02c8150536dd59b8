"""One call on a worker: events of the gateway in, the turn machine in the middle, commands carried out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.context import AgentSaid, CallerSaid, Fact, ToolCalled
from gateway.conversation.journal import Entry, entry_of
from gateway.conversation.latency import TurnLatency
from gateway.conversation.turn import TurnMachine
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.base import ChatRequest, FollowsPlayout
from gateway.worker.clock import CallClock
from gateway.worker.endpointing_callout import EndpointingCallout
from gateway.worker.hearing import Hearing
from gateway.worker.messages import event_of, message_of
from gateway.worker.opening import Opening, Resources
from gateway.worker.output import ReplyOutput
from gateway.worker.recording import RecordingSender
from gateway.worker.reply import Conversing, Reply
from gateway.worker.timer import DeadlineTimer
from gateway.worker.tools import Tools


class Session:
    """One conversation. `run` holds it from opening to end; `receive` takes the gateway's events meanwhile.

    :param send: passes an event to the gateway, at once when urgent, else with the next tick
    """

    def __init__(self, opening: Opening, resources: Resources, *, send: Callable[[pb.WorkerEvent, bool], None]) -> None:
        self._opening = opening
        context = replace(resources.context, note=self._provider_noted)
        self._resources = replace(resources, context=context)
        self._send = send
        self._log = structlog.get_logger(__name__).bind(call=opening.call_id)
        self._clock = CallClock(opening.at_ms)
        self._machine = TurnMachine(opening.plan)
        self._context = opening.restored.context
        self._context.system = opening.system
        self._hearing: Hearing | None = None
        self._tools: Tools | None = None
        self._group: asyncio.TaskGroup | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._early: list[pb.GatewayEvent] = []
        self._early_notes: list[tuple[str, str]] = []
        self._events: deque[e.Event] = deque()
        self._dispatching = False
        self._timer = DeadlineTimer(self._clock, self._time_up)
        self._reply: tuple[Reply, asyncio.Task[None]] | None = None
        self._latency: TurnLatency | None = None
        self._endpointing: EndpointingCallout | None = None
        self._begun: dict[int, int] = {}
        self._items: dict[int, str] = {}
        self._last_utterance = max(opening.at_ms, opening.restored.last_utterance)
        self._held = False
        self._recording = RecordingSender(opening.plan, self.send) if opening.recorded else None

    # ------------------------------------------------------------ life

    async def run(self) -> None:
        """Open the conversation, say so to the gateway, and hold it until the call ends.

        :raises ProviderError: the transcriber cannot be opened; the call was not accepted
        """
        stream = await self._resources.open_transcriber()
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
            if self._recording is not None:
                self._recording.flush()
            self._timer.cancel()
            await hearing.close()

    async def _converse(self, hearing: Hearing) -> None:
        async with asyncio.TaskGroup() as group:
            self._group, self._hearing, self._tools = group, hearing, self._make_tools()
            self._endpointing = self._make_endpointing()
            preparing = group.create_task(self._resources.prepare(), name="connections")
            listening = group.create_task(hearing.listen(), name="transcripts")
            self.send(pb.WorkerEvent(accepted=pb.Accepted()), urgent=True)
            for event, detail in self._early_notes:
                self._note(event, detail=detail)
            self._begin()
            await self._over
            preparing.cancel()
            self._stop(listening)
            # Before the tools, which may take longer than the gateway listens: a transcriber counts until it is closed.
            await hearing.close()
            await self._tools.close()

    def _make_tools(self) -> Tools:
        return Tools(
            self._opening.assistant,
            call=self._opening.call,
            client=self._resources.client,
            port=self,
            spawn=self._spawn,
            record=self._record,
            known_ids=[fact.id for fact in self._context.facts if isinstance(fact, ToolCalled)],
        )

    def _make_endpointing(self) -> EndpointingCallout:
        return EndpointingCallout(
            self._opening.assistant,
            call=self._opening.call,
            context=self._context,
            client=self._resources.client,
            port=self,
            spawn=self._spawn,
            note=self._note,
        )

    def _begin(self) -> None:
        restored = self._opening.restored
        if restored.begun is not None:
            self._record(restored.begun, kind="resumed")
        self.dispatch(
            e.Started(
                self.now(),
                self._opening.resumed,
                restored.turn,
                answer=restored.answer,
                rest=restored.rest,
                said=restored.context.last_said,
                filler=restored.filler,
                filler_turn=restored.filler_turn,
            )
        )
        if self._opening.backlog is not None:
            self._hear(self._opening.backlog)
        early, self._early = self._early, []
        for event in early:
            self._receive(event)

    def _stop(self, listening: asyncio.Task[None]) -> None:
        """The call is over: nothing of it goes on but tools. The gateway listens for a moment only, so that what the
        providers count now is told at once."""
        self._opening.usage.on_news = self._tell_usage
        if self._reply is not None:
            self._reply[1].cancel()
        if self._endpointing is not None:
            self._endpointing.close()
        listening.cancel()

    def _spawn(self, work: Coroutine[None, None, Any], *, name: str) -> asyncio.Task[Any]:
        assert self._group is not None
        return self._group.create_task(work, name=name)

    # ------------------------------------------------------------ from the gateway

    def receive(self, event: pb.GatewayEvent) -> None:
        """Take an event of this call. A fault ends the session, never the stream that other calls share."""
        if self._hearing is None or self._group is None:
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
            case "answered":
                self._clock.heard(event.answered.at_ms)
                self.dispatch(e.Answered(self.now()))
            case "end":
                self._end(event.end)
            case "action_result":
                result = event.action_result
                self._note("action", action=result.action, ok=result.ok, detail=result.detail)
            case kind:
                if kind == "playout":
                    self._played(event.playout)
                if (known := event_of(event, self.now())) is not None:
                    self.dispatch(known)

    def _played(self, report: pb.PlayoutReport) -> None:
        if self._hearing is not None:
            self._hearing.played(report)
        model, item = self._resources.model, self._items.get(report.utterance)
        if item is not None and isinstance(model, FollowsPlayout):
            model.played(item, report.position, self._resources.context)

    def _hear(self, audio: pb.CallerAudio) -> None:
        if self._hearing is not None and not self._held:
            self._hearing.push(audio.pcm, audio.at_ms)

    def _hold(self, notice: pb.HoldNotice) -> None:
        assert self._hearing is not None
        self._held = notice.held
        if notice.held:
            self._hearing.held(notice.at_ms)
        self.dispatch(e.HoldChanged(self.now(), notice.held))

    def _end(self, end: pb.EndCall) -> None:
        self.dispatch(e.CallEnded(self.now()))
        if self._recording is not None:
            self._recording.flush()
        self._log.info("call ended", reason=end.reason)
        if not self._over.done():
            self._over.set_result(None)

    # ------------------------------------------------------------ the turn machine

    def now(self) -> int:
        """Call clock, ms."""
        return self._clock.now()

    def dispatch(self, event: e.Event) -> None:
        """Tell the turn machine, and carry out what it wants. Events that come of that are told afterwards."""
        self._events.append(event)
        if self._dispatching:
            return
        self._dispatching = True
        try:
            while self._events:
                for command in self._decide(self._events.popleft()):
                    self._carry_out(command)
        finally:
            self._dispatching = False
        self._timer.set(self._machine.deadline)

    def _decide(self, event: e.Event) -> list[c.Command]:
        """What the turn machine makes of an event. The one that broke it is recorded, too."""
        commands: list[c.Command] = []
        try:
            commands = self._machine.handle(event)
        finally:
            if self._recording is not None:
                self._recording.add(event, commands, self._machine.deadline)
        return commands

    def _time_up(self, at_ms: int) -> None:
        try:
            self.dispatch(e.TimePassed(at_ms))
        except Exception as error:  # noqa: BLE001  border: a loop callback; `run` raises it
            self._crash(error)

    def _crash(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)

    def _carry_out(self, command: c.Command) -> None:
        match command:
            case c.Transcribe():
                assert self._hearing is not None
                self._hearing.transcribe(command)
            case c.AskEndpointing():
                assert self._endpointing is not None
                self._endpointing.ask(command)
            case c.CommitTurn():
                self._commit_turn(command)
            case c.PrepareReply() | c.PrepareSpeech():
                self._prepare(command)
            case c.CommitReply() | c.Speak() | c.StopReply():
                self._steer(command)
            case c.CloseReply():
                said = AgentSaid(command.turn, command.text, command.heard, command.interrupted)
                start_ms = self._begun.pop(command.reply, self.now())
                self._record(said, reply=command.reply, kind=command.kind.value, start_ms=start_ms)
                self._tell_usage()
            case c.Screen():
                assert self._hearing is not None
                self._hearing.screen(command)
            case c.Note(event=event, detail=detail):
                if event == "failure":
                    self._log.warning(event, detail=detail)
                self._note(event, detail=detail)
            case _:
                self.send(message_of(command, self.now()), urgent=True)
                if isinstance(command, c.CutUtterances):
                    data = {"utterance": command.up_to, "reason": command.reason}
                    self._journal(Entry(self.now(), "interruption", data))

    # ------------------------------------------------------------ replies

    def _commit_turn(self, turn: c.CommitTurn) -> None:
        self._latency = TurnLatency(turn.turn, turn.end_ms, turn.due_ms, turn.transcript_ms)
        if self._hearing is not None:
            self._hearing.turn_taken()
        fact = CallerSaid(turn.turn, turn.text)
        self._record(fact, start_ms=turn.start_ms, end_ms=turn.end_ms, source=turn.source)

    def _prepare(self, command: c.PrepareReply | c.PrepareSpeech) -> None:
        reply = self._make_reply(command)
        if isinstance(command, c.PrepareSpeech):
            work = reply.recite(command.text, interruptible=command.interruptible)
        else:
            work = self._answer(reply, command)
        task = self._spawn(work, name=f"reply {command.reply}")
        self._reply = (reply, task)

    def _make_reply(self, command: c.PrepareReply | c.PrepareSpeech) -> Reply:
        output, resources = ReplyOutput(command.reply, command.turn, self), self._resources
        return Reply(
            output,
            voice=resources.voice,
            context=resources.context,
            port=self,
            reason=resources.ended_reason,
            cutting=self._opening.assistant.voice.cutting,
        )

    async def _answer(self, reply: Reply, command: c.PrepareReply) -> None:
        assert self._tools is not None
        await self._tools.settled()
        # The turn may have been taken meanwhile: then its text is in the context already.
        pending = "" if self._context.has_caller_turn(command.turn) else command.text
        messages = self._context.messages(pending)
        request = ChatRequest(messages, self._tools.definitions, self._resources.context)
        conversing = Conversing(
            request,
            turn=command.turn,
            model=self._resources.model,
            tools=self._tools,
            end_phrases=self._opening.assistant.end_call_phrases,
            farewell=self._opening.plan.farewell,
        )
        await reply.answer(conversing)

    def _steer(self, command: c.CommitReply | c.Speak | c.StopReply) -> None:
        if self._reply is None or self._reply[0].output.reply != command.reply:
            return
        reply, task = self._reply
        match command:
            case c.CommitReply():
                self._begun[command.reply] = self.now()
                reply.commit()
            case c.Speak(text=text, filler=True):
                reply.fill(text)
            case c.Speak(text=text, interruptible=interruptible):
                reply.say(text, interruptible=interruptible)
            case c.StopReply():
                reply.output.close()
                task.cancel()

    def next_utterance(self) -> int:
        """A new utterance id: above all of this call, on this worker and those before it."""
        self._last_utterance += 1
        return self._last_utterance

    def audio_sent(self, turn: int, utterance: int) -> None:
        """The first audio of a turn closes the books of its latency."""
        latency = self._latency
        if latency is None or latency.turn != turn:
            return
        self._latency = None
        if self._reply is not None:
            latency.clause_ms = self._reply[0].clause_ms
        # sent ahead of the moment at which the turn was due, by the lead of the timer: it waits for that in the ring
        parts = latency.parts(max(self.now(), latency.due_ms))
        data = {"turn": turn, "utterance": utterance, "speech_end_ms": latency.speech_end_ms, **parts}
        self._journal(Entry(self.now(), "latency", data))

    def speaks(self, utterance: int, item: str) -> None:
        """An utterance is an item of a model that speaks by itself."""
        self._items[utterance] = item

    def told(self, utterance: int, turn: int, text: str) -> None:
        """Journal what an utterance says in all: more of it became known after its beginning."""
        self._journal(Entry(self.now(), "utterance", {"utterance": utterance, "turn": turn, "text": text}))

    # ------------------------------------------------------------ to the gateway

    def send(self, event: pb.WorkerEvent, *, urgent: bool = False) -> None:
        """Pass an event on; an utterance is journalled before it."""
        if event.WhichOneof("event") == "audio" and self._hearing is not None:
            self._hearing.said(event.audio)
        if event.WhichOneof("event") == "utterance":
            said = event.utterance
            data = {"utterance": said.utterance, "turn": said.turn, "text": said.text}
            data |= {"filler": True} if said.filler else {}
            data |= {} if said.interruptible else {"interruptible": False}
            self._journal(Entry(self.now(), "utterance", data))
        self._send(event, urgent)

    def _record(self, fact: Fact, **details: Any) -> None:
        now = self.now()
        self._context.add(fact, start_ms=details.get("start_ms", now), end_ms=details.get("end_ms", now))
        self._journal(entry_of(fact, now, **details))

    def _tell_usage(self) -> None:
        if (rows := self._opening.usage.news()) is not None:
            self._journal(Entry(self.now(), "usage", {"rows": rows}))

    def _provider_noted(self, event: str, detail: str) -> None:
        """What a provider did; before the call is accepted it has no journal."""
        if self._group is None:
            self._early_notes.append((event, detail))
        else:
            self._note(event, detail=detail)

    def _note(self, event: str, **data: Any) -> None:
        self._journal(Entry(self.now(), "note", {"event": event, **data}))

    def _journal(self, entry: Entry) -> None:
        message = pb.JournalEntry(at_ms=entry.at_ms, kind=entry.kind, json=entry.json)
        self._send(pb.WorkerEvent(journal=message), entry.kind == "tool-call")
