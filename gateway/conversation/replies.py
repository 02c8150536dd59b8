"""Rules of the agent's side: the one reply, its tools, and the last words of a call."""

from __future__ import annotations

from abc import abstractmethod

from gateway.conversation import commands as c
from gateway.conversation import endpointing
from gateway.conversation import events as e
from gateway.conversation.agent import AgentReply
from gateway.conversation.caller import PRE_ROLL_MS
from gateway.conversation.commands import SpeechKind
from gateway.conversation.floor import LAST_WORDS_MS, REPLY_MS, Floor
from gateway.conversation.heard import SpokenUtterance
from gateway.conversation.states import LAST, State


class Replies(Floor):
    """Prepare, commit, play, stop and close replies."""

    @abstractmethod
    def _passage_over(self) -> None:
        """An uninterruptible utterance has been heard."""

    @abstractmethod
    def _reply_over(self) -> None:
        """The agent has finished."""

    def _prepare_reply(self, text: str) -> None:
        turn = self.turn + 1 if text else self.turn
        self._open_reply(AgentReply(self._id(), turn, SpeechKind.REPLY, self.caller.text))
        self._emit(c.PrepareReply(self._last_id, turn, text))

    def _prepare_speech(self, text: str, kind: SpeechKind, interruptible: bool = True) -> None:
        self._open_reply(AgentReply(self._id(), self.turn, kind, fixed=text, protected=not interruptible))
        self._emit(c.PrepareSpeech(self._last_id, self.turn, text, kind, interruptible))

    def _open_reply(self, reply: AgentReply) -> None:
        self._close_cut_reply()
        self.reply = reply

    def _commit_reply(self, asked_ms: int | None = None) -> None:
        """The reply may be heard. The silence before it began at `asked_ms`, the end of the caller's words, or now."""
        assert self.reply is not None
        self._asked_ms = self._now if asked_ms is None else asked_ms
        self.reply.committed = True
        self._enter(State.THINKING)
        self._emit(c.CommitReply(self.reply.id))

    def _stop_speculation(self) -> None:
        if self.reply is not None:
            self._emit(c.StopReply(self.reply.id))
            self.reply = None

    def _silence_agent(self, reason: str) -> None:
        reply = self.reply
        if reply is None:
            return
        self._emit(c.StopReply(reply.id))
        if not reply.settled:
            self._emit(c.CutUtterances(reply.last_utterance, reason))
        self._retire(interrupted=True)

    def _retire(self, *, interrupted: bool) -> None:
        """The reply is over: its books are closed when no more reports can come."""
        reply, self.reply = self.reply, None
        if reply is None:
            return
        if reply.kind is SpeechKind.COVER and reply.utterances:
            self._covered_ms = self._now
        if reply.kind in (SpeechKind.REPROMPT, SpeechKind.COVER):
            # The question before it still stands.
            self._silence.goes_on(self._now)
        else:
            self._silence.begins(self._now)
            self._expects = "anything" if interrupted else endpointing.expectation(reply.expects, reply.text)
            self._remember(reply.heard if interrupted else reply.text, goes_on=reply.kind is SpeechKind.CONTINUATION)
        self._close_cut_reply()
        self._closing = reply
        if not interrupted or reply.settled:
            self._close_cut_reply()

    def _remember(self, said: str, *, goes_on: bool) -> None:
        """What the agent said last: rules about the end of the caller's turn may look at it."""
        self._said = f"{self._said} {said}".strip() if goes_on else said or self._said

    def _close_cut_reply(self) -> None:
        reply, self._closing = self._closing, None
        if reply is not None and reply.utterances:
            text, heard = reply.text, reply.heard
            self._emit(c.CloseReply(reply.id, reply.turn, reply.kind, text, heard, heard != text))

    # ------------------------------------------------------------ what becomes of it

    def _queue(self, event: e.UtteranceQueued) -> None:
        if self._is_committed(event.reply) and self.reply is not None:
            self.reply.queue(SpokenUtterance(event.utterance, event.text, event.interruptible, event.filler))
        else:  # it left before the reply was stopped, and nobody keeps its books
            self._emit(c.CutUtterances(event.utterance, "stopped"))

    def _voiced(self, event: e.UtteranceVoiced) -> None:
        if (utterance := self._utterance(event.utterance)) is not None:
            was_dry = utterance.dry
            utterance.voiced(event.samples, event.words, final=event.final, text=event.text)
            if was_dry and self.state is State.SPEAKING:
                self._expect_playout()

    def _played(self, event: e.PlayoutReported) -> None:
        utterance = self._utterance(event.utterance)
        if utterance is None:
            return
        utterance.played(event.position, event.state)
        if self.state is State.SPEAKING:
            self._expect_playout()
        if self._closing is not None and self._closing.settled:
            self._close_cut_reply()
        if utterance.state is e.PlayoutState.FINISHED and not utterance.interruptible:
            self._passage_over()
        self._look_if_spoken()

    def _look_if_spoken(self) -> None:
        """All that was queued has been sent: the reply is over, or more of it is being made."""
        if self.reply is None or not self.reply.settled or self.state not in (State.SPEAKING, State.THINKING):
            return
        if self.reply.finished:
            self._agent_done()
        elif self.state is State.SPEAKING:
            self._enter(State.THINKING)

    def _reply_finished(self, event: e.ReplyFinished) -> None:
        if self.reply is None or self.reply.id != event.reply:
            return
        self.reply.finished = True
        if event.expects != "anything":
            self.reply.expects = event.expects
        if self.reply.committed:
            self._look_if_spoken()

    def _agent_done(self) -> None:
        self._reply_over()
        self._retire(interrupted=False)
        if self._failure is not None and self._ending is None:
            self._give_up()
        elif self._ending is not None:
            self._emit(c.HangUp(self._ending, after_playout=True))
            self._enter(State.ENDING)
        elif self._leaving:
            self._hand_over()
        else:
            self._idle()

    def _hand_over(self) -> None:
        """The next assistant has the call. What the caller says now, and nobody has taken as a turn, is for it."""
        self._cut_agent("handoff")
        self._close_cut_reply()
        caller = self.caller
        self._emit(c.HandOff(self._now if caller.empty else max(0, caller.start_ms - PRE_ROLL_MS)))
        self._enter(State.CLOSED)

    def _on_reply(self, _: e.Event) -> None:
        self._fail("pipeline-error-reply-timeout", f"No part of the reply came within {REPLY_MS // 1000} s.")

    # ------------------------------------------------------------ tools

    def _tool_started(self, event: e.ToolStarted) -> None:
        if not self._is_committed(event.reply) or self.reply is None:
            return
        self._tools.add(event.tool)
        if event.covered:
            self._covered_tools.add(event.tool)
        self._tools_until = max(self._tools_until, self._now + event.timeout_ms)
        if self.state is State.THINKING:
            self._timers.set("reply", self._tools_until + REPLY_MS)

    def _tool_ended(self, event: e.ToolEnded) -> None:
        self._tools.discard(event.tool)
        self._covered_tools.discard(event.tool)

    def _on_filler(self, _: e.Event) -> None:
        """The model or a tool is slow."""
        reply = self.reply
        if reply is None or reply.finished:
            return
        if self.caller.speaking or (self._covered_tools and self._now < self._tools_until):
            self._arm_filler()
        elif phrase := self._fillers.choose(reply.turn, tools=bool(self._tools) and self._now < self._tools_until):
            reply.filled = True
            self._emit(c.Speak(reply.id, phrase, filler=True))
        else:
            self._arm_filler()

    # ------------------------------------------------------------ the end

    def _end_requested(self, event: e.EndRequested) -> None:
        if not self._is_committed(event.reply) or self.reply is None or self._ending is not None:
            return
        if self._leaving:
            return
        self._ending = event.reason
        silent = not event.words and not self.reply.speaks
        text = self._plan.farewell or (self._plan.goodbye if silent else "")
        if text and not event.farewell:
            self._emit(c.Speak(self.reply.id, text, interruptible=False))

    def _reply_failed(self, event: e.ReplyFailed) -> None:
        if self.reply is None or self.reply.id != event.reply:
            return
        if not self.reply.committed and self.state is not State.OPENING:
            self._stop_speculation()
        else:
            self.reply.finished = True
            self._fail(event.reason, event.detail, audible=event.audible)

    def _transcriber_failed(self, event: e.TranscriberFailed) -> None:
        self._fail(event.reason, event.detail)

    def _fail(self, reason: str, detail: str, *, audible: bool = True) -> None:
        """Say so when the reply is over that is being said, and the voice works; end with the reason of the failure."""
        if self.state in LAST:
            return
        self._emit(c.Note("failure", detail))
        apologised, self._failure = self._failure is not None, self._failure or c.Fail(reason, detail)
        if not audible or apologised or self.state is State.OPENING:
            self._end("", failure=self._failure)
        elif self.reply is None or self.reply.settled:
            self._silence_agent("failure")
            self._give_up()

    def _give_up(self) -> None:
        """What was said before the failure has been heard: apologise, and then end the call."""
        assert self._failure is not None
        if self._leaving:
            self._hand_over()
            return
        self._ending = self._failure.reason
        self._prepare_speech(self._plan.apology, SpeechKind.APOLOGY, interruptible=False)
        self._commit_reply()

    def _end(self, reason: str, *, failure: c.Fail | None = None) -> None:
        """End the call at once."""
        self._cut_agent("ending")
        self._close_cut_reply()
        self._ending = failure.reason if failure is not None else reason
        self._emit(failure or c.HangUp(reason, after_playout=False))
        self._enter(State.ENDING)

    def _cut_agent(self, reason: str) -> None:
        for pause in self._pauses.values():
            self._emit(c.GiveVerdict(pause.pause, True, reason))
        self._pauses.clear()
        self._silence_agent(reason)

    def _on_call(self, _: e.Event) -> None:
        """The time is up: say goodbye, unless that is being done, and end the call, at the latest when the time for
        that is over too."""
        if self._time_is_up:
            self._end("exceeded-max-duration")
            return
        self._time_is_up = True
        self._timers.set("call", self._now + LAST_WORDS_MS)
        if self._ending is None:
            self._cut_agent("ending")
            self._ending = "exceeded-max-duration"
            self._prepare_speech(self._plan.farewell or self._plan.goodbye, SpeechKind.FAREWELL, interruptible=False)
            self._commit_reply()

    def _on_ending(self, _: e.Event) -> None:
        """The gateway did not end the call: say it again, without waiting for anything."""
        self._emit(c.HangUp(self._ending or "worker-shutdown", after_playout=False))
        self._enter(State.CLOSED)

    def _on_opening(self, _: e.Event) -> None:
        self._end("customer-did-not-answer")

    def _close(self, _: e.CallEnded) -> None:
        reply = self.reply
        if reply is not None:
            self._emit(c.StopReply(reply.id))
        self._retire(interrupted=True)
        self._close_cut_reply()
        self._enter(State.CLOSED)
