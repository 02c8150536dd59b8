"""A simulated worker: carries out the turn machine's commands as a session does, with the real output of replies, the
real context and the real journal around a simulated model, voice and tools."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.context import AgentSaid, CallerSaid, Context, Fact, ToolCalled
from gateway.conversation.journal import RESUMED, Entry, Restored, entry_of
from gateway.conversation.turn import TurnMachine
from gateway.link.v1 import link_pb2 as pb
from gateway.worker.messages import event_of, message_of
from gateway.worker.output import ReplyOutput
from gateway.worker.resumption import started
from tests.conversation.simulation.conditions import Conditions
from tests.conversation.simulation.hearing import Ear
from tests.conversation.simulation.reply import SimulatedReply
from tests.conversation.simulation.schedule import Process, Schedule, Signal

SERVER_MS = (20, 900)


class Watch(Protocol):
    """Who sees all that passes the turn machine."""

    def before(self, event: e.Event) -> None:
        """The machine is about to be told."""

    def after(self, event: e.Event, commands: list[c.Command]) -> None:
        """It has answered."""


class SimulatedWorker:
    """The turn machine and what it commands.

    :param send: takes events for the gateway
    """

    def __init__(
        self,
        schedule: Schedule,
        conditions: Conditions,
        random: Random,
        machine: TurnMachine,
        watch: Watch,
        *,
        send: Callable[[pb.WorkerEvent], None],
        ear: Ear,
        character_ms: int,
        effect: Callable[[str], None],
        restored: Restored | None = None,
    ) -> None:
        self.machine = machine
        self.context = restored.context if restored is not None else Context()
        self.journal: list[Entry] = []
        self.replies = 0
        self.lost = False
        self._effect = effect
        self._repeated: Sequence[ToolCalled] = restored.repeated if restored is not None else ()
        self._durable: list[tuple[int, Signal]] = []
        self._ending = ""
        self._stopped: set[int] = set()
        self.character_ms = character_ms
        self._schedule = schedule
        self._conditions = conditions
        self._random = random
        self._watch = watch
        self._send = send
        self._ear = ear
        self._events: deque[e.Event] = deque()
        self._dispatching = False
        self._alarm: int | None = None
        self._reply: tuple[SimulatedReply, Process] | None = None
        self._last_utterance = restored.last_utterance if restored is not None else 0

    # ------------------------------------------------------------ events in

    def lose(self) -> None:
        """It is gone, with all that it was doing."""
        self.lost = True
        if self._reply is not None:
            self._reply[0].stop()
            self._reply[1].stop()

    def begin(self, restored: Restored, backlog_ms: int) -> None:
        """Go on with a conversation; the caller's words since `backlog_ms` were not understood yet."""
        if (begun := restored.underway.begun) is not None:
            self.record(begun, kind=RESUMED)
        self.dispatch(started(restored, self.now(), resumed=True))
        self._ear.hear_again(backlog_ms)

    def receive(self, message: pb.GatewayEvent) -> None:
        """Something came from the gateway."""
        if self.lost:
            return
        match message.WhichOneof("event"):
            case "end":
                self.dispatch(e.CallEnded(self.now()))
            case "hold":
                self._ear.hold(message.hold.held)
                self.dispatch(e.HoldChanged(self.now(), message.hold.held))
            case "kept":
                self._kept(message.kept.entries)
            case "answered":
                self.dispatch(e.Answered(self.now()))
            case _:
                if (event := event_of(message, self.now())) is not None:
                    self.dispatch(event)

    def dispatch(self, event: e.Event) -> None:
        """Tell the machine, and do what it wants; events that come of it are told afterwards."""
        if self.lost:
            return
        self._events.append(event)
        if self._dispatching:
            return
        self._dispatching = True
        while self._events:
            told = self._events.popleft()
            self._watch.before(told)
            if isinstance(told, e.KeyPressed):
                self._write("key", {"digit": told.digit})
            elif isinstance(told, e.SayRequested):
                self._write("say", {"text": told.text, "end_call_after": told.end_call_after})
            commands = self.machine.handle(told)
            self._watch.after(told, commands)
            if self.machine.ending != self._ending:
                self._ending = self.machine.ending
                self._write("ending", {"reason": self._ending})
            for command in commands:
                self._carry_out(command)
        self._dispatching = False
        self._set_alarm()

    def _set_alarm(self) -> None:
        deadline = self.machine.deadline
        if deadline is not None and (self._alarm is None or deadline < self._alarm):
            self._alarm = deadline
            self._schedule.at(deadline + self._random.randint(*self._conditions.timer_ms), lambda: self._ring(deadline))

    def _ring(self, alarm: int) -> None:
        if alarm != self._alarm:
            return
        self._alarm = None
        deadline = self.machine.deadline
        if deadline is not None and deadline <= self.now():
            self.dispatch(e.TimePassed(self.now()))
        else:
            self._set_alarm()

    # ------------------------------------------------------------ commands out

    def _carry_out(self, command: c.Command) -> None:
        match command:
            case c.Transcribe():
                self._ear.transcribe(command)
            case c.AskEndpointing(question=question):
                self._ask(question)
            case c.Screen(beeps=beeps):
                self._ear.listen_for_beep(beeps)
            case c.CommitTurn(turn=turn, text=text, start_ms=start_ms, end_ms=end_ms):
                self.record(CallerSaid(turn, text), start_ms=start_ms, end_ms=end_ms)
            case c.PrepareReply() | c.PrepareSpeech():
                self._prepare(command)
            case c.CommitReply() | c.Speak() | c.StopReply():
                self._steer(command)
            case c.CloseReply():
                said = AgentSaid(command.turn, command.text, command.heard, command.interrupted)
                self.record(said, kind=command.kind.value, stopped=command.reply in self._stopped)
            case c.CutUtterances() | c.GiveVerdict() | c.HangUp() | c.Fail():
                self.send(message_of(command, self.now()))
                if isinstance(command, c.CutUtterances):
                    self._write("interruption", {"utterance": command.up_to, "reason": command.reason})

    def _ask(self, question: int) -> None:
        """The user's server answers how long to wait, most of the time."""
        answer = self._random.choice((None, 0, 300, 900, 2_500))
        delay = self._random.randint(*SERVER_MS)
        self._schedule.after(delay, lambda: self.dispatch(e.EndpointingAnswered(self.now(), question, answer)))

    def _prepare(self, command: c.PrepareReply | c.PrepareSpeech) -> None:
        self.replies += 1
        output = ReplyOutput(command.reply, command.turn, self)
        reply = SimulatedReply(self._schedule, self._conditions, self._random, output, self, self.character_ms)
        steps = reply.recite(command) if isinstance(command, c.PrepareSpeech) else reply.answer(command)
        self._reply = (reply, self._schedule.spawn(steps))

    def _steer(self, command: c.CommitReply | c.Speak | c.StopReply) -> None:
        if isinstance(command, c.StopReply):
            self._stopped.add(command.reply)
        if self._reply is None or self._reply[0].output.reply != command.reply:
            return
        reply, process = self._reply
        match command:
            case c.CommitReply():
                reply.commit()
            case c.Speak(text=text, filler=True):
                reply.fill(text)
            case c.Speak(text=text, interruptible=interruptible):
                reply.add(text, interruptible=interruptible)
            case c.StopReply():
                reply.output.close()
                reply.stop()
                process.stop()

    # ------------------------------------------------------------ what a reply asks of its session

    def now(self) -> int:
        """Call clock, ms."""
        return self._schedule.now

    def send(self, event: pb.WorkerEvent, *, urgent: bool = False) -> None:
        """Pass an event to the gateway; an utterance is journalled before it."""
        if event.WhichOneof("event") == "utterance":
            said = event.utterance
            marks = {"filler": said.filler, "interruptible": said.interruptible}
            self._write("utterance", {"utterance": said.utterance, "turn": said.turn, "text": said.text, **marks})
        self._send(event)

    def next_utterance(self) -> int:
        """A new utterance id."""
        self._last_utterance += 1
        return self._last_utterance

    def when_over(self, utterance: int, step: Callable[[], None]) -> None:
        """Nobody waits for the end of an utterance here."""

    def audio_sent(self, turn: int, utterance: int) -> None:
        """Latency is no matter of the simulation."""

    def speaks(self, utterance: int, item: str) -> None:
        """No model of the simulation speaks by itself."""

    def planned(self, turn: int, kind: str, text: str) -> None:
        """All that a reply says is known."""
        self._write("reply", {"turn": turn, "kind": kind, "text": text})

    def told(self, utterance: int, turn: int, text: str) -> None:
        """No model of the simulation speaks by itself."""

    def record(self, fact: Fact, **details: Any) -> None:
        """Keep a fact in context and journal."""
        if not self.lost:
            self.context.add(fact)
            self._keep(entry_of(fact, self.now(), **details))

    def durable(self) -> Signal:
        """Set when the gateway has the journal so far."""
        signal = Signal(self._schedule)
        self._durable.append((len(self.journal), signal))
        return signal

    def effect(self, tool: str) -> None:
        """A tool did what cannot be undone."""
        self._effect(tool)

    def take_repeated(self) -> Sequence[ToolCalled]:
        """Tool calls of an earlier worker that are made once more, told once."""
        repeated, self._repeated = self._repeated, ()
        return repeated

    def alive(self) -> bool:
        """The worker has the call."""
        return not self.lost

    def _kept(self, entries: int) -> None:
        due = [signal for count, signal in self._durable if count <= entries]
        self._durable = [waiting for waiting in self._durable if waiting[0] > entries]
        for signal in due:
            signal.set()

    def _write(self, kind: str, data: Mapping[str, Any]) -> None:
        self._keep(Entry(self.now(), kind, data))

    def _keep(self, entry: Entry) -> None:
        self.journal.append(entry)
        written = pb.JournalEntry(at_ms=entry.at_ms, kind=entry.kind, json=entry.json)
        self._send(pb.WorkerEvent(journal=written))
