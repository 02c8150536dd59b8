"""Who sees all of a simulated conversation, knows what was really said and sent, and stops the play at a foul."""

from __future__ import annotations

from collections import deque
from typing import Any

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.heard import SLACK
from gateway.conversation.overlap import classify
from gateway.conversation.plan import TurnPlan
from gateway.conversation.states import TIMERS, State
from gateway.conversation.turn import TurnMachine
from gateway.media.audio import samples_to_ms
from tests.conversation.ledger import Ledger
from tests.conversation.simulation.bounds import Bounds
from tests.conversation.simulation.reply import spoken
from tests.conversation.simulation.schedule import Schedule
from tests.conversation.simulation.sounds import Line, Sound

FATE_MS = 30_000
"""A statement is part of a turn by then."""
LONG_MS = 250
"""Shorter statements over the agent may pass for noise."""


ANSWERS = (c.SpeechKind.CONTINUATION, c.SpeechKind.GREETING)
"""Fixed texts that may answer a turn: a greeting answers the hello of who was called."""


class Foul(AssertionError):
    """Something that must never happen has."""


class Referee:
    """Watches one conversation.

    :param exact: nothing is misheard and nothing lost, so every word must arrive
    """

    def __init__(self, schedule: Schedule, machine: TurnMachine, plan: TurnPlan, line: Line, bounds: Bounds) -> None:
        self.ledger = Ledger()
        self.events = 0
        self.turns = 0
        self.interruptions = 0
        self.covers = 0
        self.trace: deque[Any] = deque(maxlen=60)
        self.character_ms = 0
        self._schedule = schedule
        self._machine = machine
        self._plan = plan
        self._line = line
        self._bounds = bounds
        self._held = False
        self._calm_ms = 0
        self._progress_ms = 0
        self._state = State.OPENING
        self._statements: deque[Sound] = deque()
        self._current: Sound | None = None
        self._over_ms = 0
        self._committed: deque[str] = deque(maxlen=400)
        self._unanswered_ms: int | None = None
        self._fixed: set[int] = set()
        self._unclosed: set[int] = set()
        self._closed: set[int] = set()
        self._pauses: dict[int, e.PauseNoticed] = {}
        self._measured: set[int] = set()
        self._tools: set[str] = set()
        self._effects: set[str] = set()
        self._alone = False
        self._texts: dict[int, dict[int, e.UtteranceQueued]] = {}
        self._owner: dict[int, int] = {}
        self._sent: dict[int, int] = {}

    def lost(self) -> None:
        """The worker is gone: until another one has the call, nobody judges what the caller says."""
        self._alone = True

    def taken_over(self, machine: TurnMachine, turn: int) -> None:
        """Another worker has the call, with a machine of its own. What was sent and said stays."""
        reasons = self.ledger.reasons
        self.ledger = Ledger()
        self.ledger.turns, self.ledger.reasons = turn, reasons
        self._machine, self._state = machine, State.OPENING
        self._fixed.clear()
        self._unclosed.clear()
        self._closed.clear()
        self._pauses.clear()
        self._tools.clear()
        self._texts.clear()
        self._owner.clear()
        self._alone, self._over_ms = False, 0
        self._progress_ms = self._calm_ms = self._schedule.now
        if self._unanswered_ms is not None:
            self._unanswered_ms = self._schedule.now
        self.trace.append(f"{self._schedule.now} ANOTHER WORKER")

    def effect(self, tool: str) -> None:
        """A tool did what cannot be undone."""
        if tool in self._effects:
            self.foul(f"the tool {tool} was used twice")
        self._effects.add(tool)

    def foul(self, what: str) -> None:
        """:raises Foul: with the last events and commands"""
        tail = "\n".join(f"  {line}" for line in self.trace)
        raise Foul(f"at {self._schedule.now} ms in {self._machine.state}: {what}\n{tail}")

    # ------------------------------------------------------------ the machine

    def before(self, event: e.Event) -> None:
        """The machine is about to be told."""
        self.events += 1
        if not isinstance(event, e.UtteranceVoiced) and getattr(event, "state", None) is not e.PlayoutState.PLAYING:
            self.trace.append(event)
        self.ledger.event(event)
        match event:
            case e.PauseNoticed(pause=pause):
                self._pauses[pause] = event
            case e.UtteranceVoiced(utterance=utterance, words=words) if words:
                self._measured.add(utterance)
            case e.UtteranceQueued(reply=reply) if reply in self._closed:
                self.foul("a reply speaks after its end")
            case e.UtteranceQueued(reply=reply, utterance=utterance):
                self._texts.setdefault(reply, {})[utterance] = event
                self._owner[utterance] = reply
            case e.HoldChanged(held=held):
                self._held, self._calm_ms = held, self._schedule.now
                self._moved()
                self._statements.clear()
                self._unanswered_ms = None
            case e.SpeechEnded(end_ms=end_ms):
                self._calm_ms = max(self._calm_ms, end_ms)
            case e.KeyPressed():
                self._moved()
                self._calm_ms = self._schedule.now
                self._unanswered_ms = self._unanswered_ms and self._schedule.now
            case e.ToolStarted(tool=tool):
                self._tools.add(tool)
            case e.ToolEnded(tool=tool):
                self._tools.discard(tool)
                self._moved()

    def after(self, event: e.Event, commands: list[c.Command]) -> None:
        """The machine has answered."""
        machine, now = self._machine, self._schedule.now
        if isinstance(event, e.Started) and machine.reply is not None:
            self._adopt(event, machine.reply.id)
        try:
            for command in commands:
                self.trace.append(command)
                self.ledger.command(command)
                self._command(command)
        except Foul:
            raise
        except AssertionError as error:
            self.foul(str(error))
        if machine.state is not self._state:
            self.trace.append(f"{now} {machine.state.name}")
            self._state = machine.state
            self._moved()
        if machine.deadline is None and machine.state is not State.CLOSED:
            self.foul("a state without a deadline")
        if machine.deadline is not None and machine.deadline <= event.at:
            self.foul(f"waits for the past: {machine.deadline}")
        strange = set(machine.armed) - TIMERS[machine.state]
        if strange:
            self.foul(f"armed timers that the state does not list: {strange}")

    def _adopt(self, event: e.Started, reply: int) -> None:
        for one in event.adopted:
            queued = e.UtteranceQueued(event.at, reply, one.utterance, one.text, one.interruptible, one.filler)
            self._texts.setdefault(reply, {})[one.utterance] = queued
            self._owner[one.utterance] = reply
            if self._sent.get(one.utterance, 0) > SLACK:
                self._unclosed.add(reply)

    def _command(self, command: c.Command) -> None:
        match command:
            case c.CommitTurn(text=text):
                self.turns += 1
                self._committed.extend(text.split())
                self._unanswered_ms = None if self._held else self._schedule.now
                self._moved()
            case c.PrepareSpeech(reply=reply, kind=kind) if kind not in ANSWERS:
                self._fixed.add(reply)
                self.covers += kind is c.SpeechKind.COVER
            case c.CloseReply():
                self._check_heard(command)
                self._forget(command.reply)
                self._unclosed.discard(command.reply)
                self._closed.add(command.reply)
            case c.CutUtterances(reason="interruption"):
                self.interruptions += 1
            case c.GiveVerdict(cut=False):
                self._check_border(command)
            case c.HangUp() | c.Fail():
                self._unanswered_ms = None

    def _moved(self) -> None:
        self._progress_ms = self._schedule.now

    # ------------------------------------------------------------ what was heard

    def sent(self, utterance: int, position: int, samples: int) -> None:
        """The gateway sent samples of an utterance."""
        now = self._schedule.now
        self._sent[utterance] = max(position, self._sent.get(utterance, 0))
        self._calm_ms = self._progress_ms = now
        reply = self._owner.get(utterance)
        if reply not in self._fixed:
            self._unanswered_ms = None
        if reply is not None and position > SLACK:
            self._unclosed.add(reply)
        current = self._current
        if self._alone or current is None or reply is None or not current.start_ms <= now < current.end_ms:
            return
        queued = self._texts.get(reply, {}).get(utterance)
        if queued is not None and queued.interruptible and not self._plan.overlap.num_words:
            self._over_ms += samples_to_ms(samples)
            if self._over_ms > self._bounds.talk_over_ms:
                self.foul(f"the agent talked over {current}")

    def _check_heard(self, closed: c.CloseReply) -> None:
        """The heard text is a prefix at a word border, and what the gateway really sent."""
        queued = self._texts.get(closed.reply, {})
        text = " ".join(event.text for event in queued.values())
        if closed.text != text:
            self.foul(f"the reply was {text!r}, its books say {closed.text!r}")
        words, heard = closed.text.split(), closed.heard.split()
        if words[: len(heard)] != heard or not closed.text.startswith(closed.heard):
            self.foul(f"{closed.heard!r} is no prefix of {closed.text!r}")
        if closed.interrupted != (closed.heard != closed.text):
            self.foul("a reply heard in full counts as interrupted, or the reverse")
        true = sum(self._words_sent(event) for event in queued.values())
        if abs(true - len(heard)) > self._bounds.words_off:
            self.foul(f"{true} words of {closed.text!r} were sent, the books say {len(heard)}")

    def _check_border(self, verdict: c.GiveVerdict) -> None:
        """Playout goes on where a word begins, at or before the place where it was paused."""
        pause = self._pauses[verdict.pause]
        if verdict.resume_from > pause.position:
            self.foul(f"paused at {pause.position}, resumed at {verdict.resume_from}")
        queued = self._texts.get(self._owner.get(pause.utterance, 0), {}).get(pause.utterance)
        if queued is not None and pause.utterance in self._measured:
            starts = [word.start for word in spoken(queued.text, self.character_ms)]
            if min(abs(verdict.resume_from - start) for start in starts) > SLACK:
                self.foul(f"resumed within a word, at {verdict.resume_from}")

    def _words_sent(self, event: e.UtteranceQueued) -> int:
        return self.words_sent(event.utterance, event.text)

    @property
    def words_off(self) -> int:
        """The books may be wrong by so many."""
        return self._bounds.words_off

    def words_sent(self, utterance: int, text: str) -> int:
        """How many words of an utterance with this text left."""
        position = self._sent.get(utterance, 0)
        return sum(word.end <= position + SLACK for word in spoken(text, self.character_ms)) if position else 0

    def _forget(self, reply: int) -> None:
        for utterance in self._texts.pop(reply, {}):
            self._owner.pop(utterance, None)
            self._measured.discard(utterance)

    # ------------------------------------------------------------ what was said

    def said(self, sound: Sound) -> None:
        """The caller begins a stretch of a statement."""
        self._current, self._over_ms = sound, 0
        text = " ".join(word.text for word in sound.words)
        if self._machine.state is State.SCREENING:
            return
        if sound.end_ms - sound.start_ms >= LONG_MS and classify(text, self._plan.overlap) == "interruption":
            self._statements.append(sound)

    def look(self, *, exact: bool) -> None:
        """Nothing lasts longer than it may, no statement is lost, no turn stays without an answer."""
        now = self._schedule.now
        if self._line.sounding(now):
            self._calm_ms = now
        self._check_state(now)
        if self._unanswered_ms is not None and now - max(self._unanswered_ms, self._calm_ms) > self._bounds.answer_ms:
            self.foul("a turn was taken and never answered")
        while self._statements and now - self._statements[0].end_ms > FATE_MS:
            statement = self._statements.popleft()
            if exact and not _within([word.text for word in statement.words], self._committed):
                self.foul(f"lost: {statement}")

    def _check_state(self, now: int) -> None:
        state = self._machine.state
        since = self._progress_ms
        if state is State.WAITING:
            since = now if self._held else max(since, self._calm_ms)
        elif state in (State.LISTENING, State.SCREENING) or state is State.ENDPOINTING:
            since = max(since, self._calm_ms)
        elif state in (State.SPEAKING, State.THINKING) and self._held:
            since = now
        reply = self._machine.reply
        if state is State.THINKING and reply is not None and reply.kind is c.SpeechKind.COVER:
            self._check_wait(now - self._calm_ms)
            return
        if state is State.THINKING and reply is not None and reply.kind is not c.SpeechKind.REPLY:
            state = State.SPEAKING  # it waits for the voice alone
        caller = self._machine.caller
        if state is State.ENDPOINTING and (caller.waiting or caller.unrequested):
            self._check_wait(now - self._calm_ms)
        limit = self._bounds.states.get(state)
        if limit is not None and now - since > limit:
            self.foul(f"{state} for {now - since} ms")

    def _check_wait(self, ms: int) -> None:
        """Whose words are late hears a phrase."""
        if ms > self._bounds.late_words_ms:
            self.foul(f"words are late, and the caller hears nothing for {ms} ms")

    def close(self, *, ended_by_agent: bool) -> None:
        """The call is over."""
        if self._machine.state is not State.CLOSED:
            self.foul("the call is over, the conversation is not")
        if self._unclosed:
            self.foul(f"the books of {self._unclosed} were never closed")
        try:
            self.ledger.close(ended_by_agent=ended_by_agent)
        except AssertionError as error:
            self.foul(str(error))


def _within(words: list[str], text: deque[str]) -> bool:
    """The words stand in the text, in their order."""
    rest = iter(text)
    return all(word in rest for word in words)
