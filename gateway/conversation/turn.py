"""The turn machine: the tables of `states` at work. It reads no clock and does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.commands import Command, SpeechKind
from gateway.conversation.floor import ASIDE_MS, OPENING_MS
from gateway.conversation.resuming import Resuming
from gateway.conversation.states import ALWAYS, LAST, RULES, State


class TurnMachine(Resuming):
    """One conversation. Feed `handle`, carry out what it returns, and send `TimePassed` at `deadline`."""

    @property
    def deadline(self) -> int | None:
        """The call clock at which `TimePassed` is due, None when closed."""
        return self._timers.next

    @property
    def ending(self) -> str:
        """Why the call ends when all that is being said was heard; empty while it goes on."""
        return self._ending or ""

    @property
    def armed(self) -> frozenset[str]:
        """The names of the timers that run."""
        return self._timers.names

    @property
    def between_turns(self) -> bool:
        """Nobody speaks, nothing waits for its words or for an answer, and nothing is about to be said."""
        owed = self._tools or self._says or self._answer_wanted or self._leaving or self._ending is not None
        said = self.reply is None and self._closing is None
        heard = self.caller.empty and not self.caller.speaking
        return self.state is State.WAITING and said and heard and not owed

    def handle(self, event: e.Event) -> list[Command]:
        """Take one event; returns what is to be done, in order. Time never runs backwards: an event that is dated
        before the last one counts as simultaneous."""
        self._now = max(self._now, event.at)
        name = RULES[self.state].get(type(event)) or ALWAYS.get(type(event))
        if not self._watch(event) and name is not None and self.state is not State.CLOSED:
            _METHODS[name](self, event)
        while (timer := self._timers.pop_due(self._now)) is not None:
            _METHODS[f"_on_{timer}"](self, event)
        commands, self._commands = self._commands, []
        return commands

    # ------------------------------------------------------------ the call around the turns

    def _start(self, event: e.Started) -> None:
        self._timers.set("opening", event.at + OPENING_MS)
        self._silence.begins(event.at)
        if event.resumed:
            self._resume_conversation(event)
        else:
            self._prepare_opening()

    def _answered(self, event: e.Answered) -> None:
        self._timers.set("call", event.at + self._plan.max_duration_ms)
        self._silence.begins(event.at)
        self._open()

    def _idle(self) -> None:
        """The agent has nothing to say, but what live control asked for."""
        if self.caller.speaking:
            self._enter(State.LISTENING)
        elif self._adopt_aside() or not self.caller.empty:
            self._endpoint()
        elif self._muted:
            self._enter(State.WAITING)
        elif self._says:
            self._say_next()
        elif self._answer_wanted:
            self._answer_wanted = False
            self._prepare_reply("")
            self._commit_reply()
        elif not self._continue():
            self._enter(State.WAITING)

    def _adopt_aside(self) -> bool:
        aside, self._aside = self._aside, None
        if aside is None or self._now - aside.end_ms > ASIDE_MS or not self.caller.empty:
            return False
        self.caller.start_ms, self.caller.end_ms = aside.start_ms, aside.end_ms
        self.caller.segments.append(aside)
        return True

    def _on_silence(self, _: e.Event) -> None:
        """Nobody spoke: ask the caller, or end the call. A caller who answers the last words takes the call back."""
        if self._held or self._muted or not self._listening or (self._tools and self._now < self._tools_until):
            self._silence.begins(self._now)
        due = self._silence.due(self._now)
        if due is None:
            self._enter(State.WAITING)
        elif due.hook is not None:
            self._emit(c.CarryOutHook(due.hook))
            self._enter(State.WAITING)
        elif due.text:
            self._ending = due.reason or None
            self._prepare_speech(due.text, SpeechKind.REPROMPT)
            self._commit_reply()
        else:
            self._end(due.reason)

    def _hold(self, event: e.HoldChanged) -> None:
        self._held = event.held
        self._silence.begins(self._now)
        if self.state is State.SPEAKING:
            self._expect_playout()
        elif self.state is State.THINKING:
            self._asked_ms = self._now  # who comes back waits from now on
            self._arm_filler()
        if not event.held:
            return
        self.caller.speech_ended(self._now)
        if self._covers:
            self._cut("hold", backoff_ms=0, then=self._drop_turn)
        elif self.state is State.OVERLAP:
            self._resume("hold")
        elif self.state in (State.LISTENING, State.ENDPOINTING):
            self._drop_turn()

    def _say(self, event: e.SayRequested) -> None:
        self._says.append(event)
        if not self._muted:
            self._say_next()

    def _say_later(self, event: e.SayRequested) -> None:
        if self.state is State.ENDING:
            return
        self._says.append(event)
        if event.at_once and self._speaking_freely:
            self._cut("control", backoff_ms=0)

    @property
    def _speaking_freely(self) -> bool:
        """What is being said may give way to something else."""
        speaking = self.state in (State.THINKING, State.SPEAKING, State.OVERLAP)
        return speaking and self._ending is None and not self._leaving and not self._muted

    def _answer_message(self, _: e.AnswerRequested) -> None:
        """Answer at once when nobody has the floor; else with the next turn, or when the agent is done."""
        self._answer_wanted = self._ending is None and self.state not in LAST
        if self.state is State.WAITING and not self._muted:
            self._idle()

    def _mute(self, event: e.MuteChanged) -> None:
        self._muted = event.muted
        if event.muted and self._ending is None and not self._leaving:
            self._says.clear()
            if self.state in (State.THINKING, State.SPEAKING, State.OVERLAP):
                self._cut("muted", backoff_ms=0)
            elif self.state in (State.LISTENING, State.ENDPOINTING):
                self._stop_speculation()
        elif self.state is State.WAITING:
            self._silence.begins(self._now)
            self._idle()

    def _listen(self, event: e.ListeningChanged) -> None:
        """A caller who is not heard is not silent."""
        self._listening = event.listening
        self._silence.begins(self._now)

    def _say_next(self) -> None:
        say = self._says.popleft()
        if say.end_call_after:
            self._ending = "assistant-ended-call-after-message-spoken"
        self._prepare_speech(say.text, SpeechKind.SAY, interruptible=say.interruptible and not say.end_call_after)
        self._commit_reply()

    def _leave(self, event: e.HandoffRequested) -> None:
        """Another assistant takes the conversation over: after what is being said, or at once."""
        if self._leaving or self._ending is not None or self.state in LAST:
            return
        self._leaving = True
        if event.message:
            self._say_on_the_way(event.message)
        elif self.reply is None or not self.reply.committed:
            self._stop_speculation()
            self._hand_over()

    def _say_on_the_way(self, message: str) -> None:
        if self.reply is not None and self.reply.committed and not self.reply.finished and not self._covers:
            self._emit(c.Speak(self.reply.id, message))
        else:
            self._silence_agent("handoff")
            self._prepare_speech(message, SpeechKind.HANDOFF)
            self._commit_reply()

    def _on_playout(self, _: e.Event) -> None:
        """What should be heard does not move: take the floor back, or end the call when these were its last words."""
        if self._ending is not None:
            self._end(self._ending)
        else:
            self._cut("stalled", backoff_ms=0)


_METHODS: Mapping[str, Callable[[TurnMachine, object], None]] = {
    name: getattr(TurnMachine, name) for name in dir(TurnMachine) if callable(getattr(TurnMachine, name))
}
