"""Whose turn it is: the one state machine of a conversation. It reads no clock and does no I/O.

The rules
=========
1.  An event enters by `handle` and commands come out. What an event does depends on the state alone: `RULES` names the
    method for each pair, `ALWAYS` those that hold in any state. A pair that is in neither table changes nothing.
2.  `NEXT` names the states that may follow a state. `TIMERS` names the moments that a state may wait for; a timer that
    the next state does not list is disarmed on the way. Every state but CLOSED has an armed timer, so none is for ever.
3.  There is at most one reply. It is prepared while the caller's turn is still open (a speculation), and it is stopped
    when the turn's text changes. Only `CommitReply` lets it be heard or run a tool, and it follows `CommitTurn`.
4.  A turn is taken when the caller was silent for the wait that fits the text (`endpointing`), counted from the last
    speech, and every transcript has come. A turn without text is dropped.
5.  A reply that nobody heard yet is taken back when the caller goes on speaking: what the caller adds is a turn of its own,
    and the model sees both.
6.  Caller speech over the agent opens an overlap (`overlap`), with the gateway's pause or without. Every pause gets one
    verdict. A cut closes the reply with what was heard of it.
7.  Speech over an uninterruptible utterance is kept, and is the caller's turn when the agent has finished.
8.  A yes over the end of a question is an answer, although it is an acknowledgement in the middle of a sentence.
9.  What ends the call (a farewell, a failure, live control) is said to its end, then the call is ended, once.
10. On hold nobody listens: speech is dropped, and silence does not count.

All that changes this state lives in this file; the parts it uses (`CallerTurn`, `AgentReply`, `Timers`) only keep books.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum

from gateway.conversation import commands as c
from gateway.conversation import endpointing, overlap
from gateway.conversation import events as e
from gateway.conversation.agent import AgentReply
from gateway.conversation.caller import POST_ROLL_MS, PRE_ROLL_MS, CallerTurn, Segment
from gateway.conversation.commands import Command, SpeechKind
from gateway.conversation.heard import SpokenUtterance
from gateway.conversation.plan import TurnPlan
from gateway.conversation.timers import Timers

TRANSCRIBE_MS = 160
"""Silence after which a segment is transcribed, in the hope that it is the turn's end."""
TRANSCRIPT_MS = 6_000
"""A transcript that has not come by then is given up."""
SEGMENT_MS = 20_000
"""Speech without a pause is transcribed in pieces of this length."""
KEYPAD_MS = 2_000
"""Wait for the next digit; `#` ends the wait."""
REPLY_MS = 15_000
"""A reply that shows nothing for this long has failed."""
FILLER_MS = 700
PLAYOUT_MS = 10_000
"""An utterance that does not move for this long is cut."""
OPENING_MS = 180_000
ENDING_MS = 15_000
ASIDE_MS = 1_500
SPECULATIONS = 4
"""Replies that are prepared in vain before the machine waits for the end of the turn."""


class State(StrEnum):
    OPENING = "opening"
    WAITING = "waiting"
    LISTENING = "listening"
    ENDPOINTING = "endpointing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    OVERLAP = "overlap"
    ENDING = "ending"
    CLOSED = "closed"


_FLOOR = frozenset({State.WAITING, State.LISTENING, State.ENDPOINTING, State.THINKING})
_LAST = frozenset({State.ENDING, State.CLOSED})

NEXT: Mapping[State, frozenset[State]] = {
    State.OPENING: frozenset({State.WAITING, State.THINKING}) | _LAST,
    State.WAITING: frozenset({State.LISTENING, State.ENDPOINTING, State.THINKING}) | _LAST,
    State.LISTENING: _FLOOR | _LAST,
    State.ENDPOINTING: _FLOOR | _LAST,
    State.THINKING: _FLOOR | {State.SPEAKING, State.OVERLAP} | _LAST,
    State.SPEAKING: _FLOOR | {State.OVERLAP} | _LAST,
    State.OVERLAP: _FLOOR | {State.SPEAKING} | _LAST,
    State.ENDING: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}

TIMERS: Mapping[State, frozenset[str]] = {
    State.OPENING: frozenset({"opening"}),
    State.WAITING: frozenset({"call", "silence"}),
    State.LISTENING: frozenset({"call", "segment"}),
    State.ENDPOINTING: frozenset({"call", "transcribe", "commit", "transcript"}),
    State.THINKING: frozenset({"call", "reply", "filler", "reopen"}),
    State.SPEAKING: frozenset({"call", "playout", "filler"}),
    State.OVERLAP: frozenset({"call", "overlap", "filler"}),
    State.ENDING: frozenset({"ending"}),
    State.CLOSED: frozenset(),
}

RULES: Mapping[State, Mapping[type[e.Event], str]] = {
    State.OPENING: {e.Started: "_start", e.Answered: "_answered"},
    State.WAITING: {e.SpeechStarted: "_caller_starts", e.KeyPressed: "_key", e.SayRequested: "_say"},
    State.LISTENING: {
        e.SpeechStarted: "_caller_starts",
        e.SpeechEnded: "_caller_pauses",
        e.Transcribed: "_text",
        e.KeyPressed: "_key",
    },
    State.ENDPOINTING: {
        e.SpeechStarted: "_caller_starts",
        e.SpeechEnded: "_caller_pauses",
        e.Transcribed: "_text",
        e.KeyPressed: "_key",
    },
    State.THINKING: {
        e.SpeechStarted: "_caller_starts_early",
        e.SpeechEnded: "_caller_was_short",
        e.UtteranceQueued: "_speak",
        e.KeyPressed: "_key_cuts",
    },
    State.SPEAKING: {
        e.SpeechStarted: "_caller_overlaps",
        e.SpeechEnded: "_caller_overlapped",
        e.Transcribed: "_text_over_agent",
        e.UtteranceQueued: "_speak",
        e.PauseNoticed: "_pause",
        e.KeyPressed: "_key_cuts",
    },
    State.OVERLAP: {
        e.SpeechStarted: "_caller_overlaps",
        e.SpeechEnded: "_caller_overlapped",
        e.Transcribed: "_text_in_overlap",
        e.PartialHeard: "_partial_in_overlap",
        e.UtteranceQueued: "_queue",
        e.PauseNoticed: "_pause",
        e.KeyPressed: "_key_cuts",
    },
    State.ENDING: {},
    State.CLOSED: {},
}

ALWAYS: Mapping[type[e.Event], str] = {
    e.CallEnded: "_close",
    e.HoldChanged: "_hold",
    e.SayRequested: "_say_later",
    e.UtteranceVoiced: "_voiced",
    e.PlayoutReported: "_played",
    e.ReplyFinished: "_reply_finished",
    e.ReplyFailed: "_reply_failed",
    e.TranscriberFailed: "_transcriber_failed",
    e.ToolStarted: "_tool_started",
    e.ToolEnded: "_tool_ended",
    e.EndRequested: "_end_requested",
    e.PauseNoticed: "_stray_pause",
}


class TurnMachine:
    """One conversation. Feed `handle`, carry out what it returns, and send `TimePassed` at `deadline`."""

    def __init__(self, plan: TurnPlan) -> None:
        self.state = State.OPENING
        self.turn = 0
        self.caller = CallerTurn()
        self.reply: AgentReply | None = None
        self._plan = plan
        self._now = 0
        self._commands: list[Command] = []
        self._timers = Timers()
        self._pace = endpointing.CallerPace()
        self._last_id = 0
        self._closing: AgentReply | None = None
        self._expects = "anything"
        self._speculations = 0
        self._says: deque[e.SayRequested] = deque()
        self._not_before = 0
        self._quiet_since = 0
        self._reprompted = False
        self._held = False
        self._tools_until = 0
        self._pauses: dict[int, e.PauseNoticed] = {}
        self._last_pause = 0
        self._overlap_ms = 0
        self._decide_by_ms = 0
        self._overlap_text: str | None = None
        self._aside: Segment | None = None
        self._ending: str | None = None
        self._failure: c.Fail | None = None
        self._apologised = False
        self._timers.set("opening", OPENING_MS)

    @property
    def deadline(self) -> int | None:
        """The call clock at which `TimePassed` is due, None when closed."""
        return self._timers.next

    def handle(self, event: e.Event) -> list[Command]:
        """Take one event; returns what is to be done, in order. Time never runs backwards: an event that is dated
        before the last one counts as simultaneous."""
        self._now = max(self._now, event.at)
        name = RULES[self.state].get(type(event)) or ALWAYS.get(type(event))
        if name is not None and self.state is not State.CLOSED:
            _METHODS[name](self, event)
        while (timer := self._timers.pop_due(self._now)) is not None:
            _METHODS[f"_on_{timer}"](self, event)
        commands, self._commands = self._commands, []
        return commands

    # ------------------------------------------------------------ opening

    def _start(self, event: e.Started) -> None:
        self._timers.set("opening", event.at + OPENING_MS)
        self._quiet_since = event.at
        if event.resumed:
            self._resume_conversation(event)
        elif self._plan.greeting:
            self._prepare_speech(self._plan.greeting, SpeechKind.GREETING, self._plan.greeting_interruptible)

    def _resume_conversation(self, event: e.Started) -> None:
        self.turn = event.turn
        self._timers.set("call", max(self._plan.max_duration_ms, event.at + 1))
        if event.rest:
            self._prepare_speech(event.rest, SpeechKind.CONTINUATION)
            self._commit_reply()
        elif event.answer:
            self._prepare_reply("")
            self._commit_reply()
        else:
            self._enter(State.WAITING)

    def _answered(self, event: e.Answered) -> None:
        self._timers.set("call", event.at + self._plan.max_duration_ms)
        self._quiet_since = event.at
        if self.reply is not None:
            self._commit_reply()
        else:
            self._idle()

    def _on_opening(self, _: e.Event) -> None:
        self._end("customer-did-not-answer")

    # ------------------------------------------------------------ the caller's turn

    def _caller_starts(self, event: e.SpeechStarted) -> None:
        if self._held:
            return
        pause = self.caller.speech_started(event.onset_ms)
        if pause is not None:
            self._pace.paused(pause)
        self._enter(State.LISTENING)

    def _caller_pauses(self, event: e.SpeechEnded) -> None:
        self.caller.speech_ended(event.end_ms)
        self._endpoint()

    def _endpoint(self) -> None:
        """The caller is silent: wait for the end of the turn."""
        self._enter(State.ENDPOINTING)
        if self.caller.unrequested:
            self._timers.set("transcribe", self.caller.end_ms + TRANSCRIBE_MS)
        self._timers.set("transcript", self.caller.end_ms + TRANSCRIPT_MS)
        self._timers.set("commit", self._due())
        if not self.caller.unrequested and not self.caller.waiting:
            self._text_complete()

    def _on_segment(self, _: e.Event) -> None:
        """Speech without an end: transcribe it in pieces."""
        self._transcribe(self.caller.roll(self._id(), self._now))
        self._timers.set("segment", self._now + SEGMENT_MS)

    def _on_transcribe(self, _: e.Event) -> None:
        self._close_segment()

    def _close_segment(self) -> None:
        self._transcribe(self.caller.close_segment(self._id(), self.caller.end_ms))

    def _transcribe(self, segment: Segment) -> None:
        start, end = max(0, segment.start_ms - PRE_ROLL_MS), segment.end_ms + POST_ROLL_MS
        self._emit(c.Transcribe(segment.id, start, min(end, max(self._now, segment.end_ms)), self._expects))

    def _text(self, event: e.Transcribed) -> None:
        known = self.caller.transcribed(event.segment, event.text, self._now)
        complete = not self.caller.waiting and not self.caller.unrequested
        if known and complete and self.state is State.ENDPOINTING:
            self._text_complete()

    def _text_complete(self) -> None:
        """Every word of the turn so far is known."""
        if not self.caller.text:
            self._drop_turn()
            return
        self._speculate(self.caller.text)
        self._on_commit(None)

    def _speculate(self, text: str) -> None:
        """Prepare the answer, unless it is prepared already for the same text."""
        if self.reply is not None and self.reply.answers == text:
            return
        self._stop_speculation()
        if self._speculations < SPECULATIONS:
            self._speculations += 1
            self._prepare_reply(text)

    def _due(self) -> int:
        """When the endpointing rule takes the turn."""
        if self.caller.segments and self.caller.segments[-1].keypad:
            wait = 0 if self.caller.keypad_done else KEYPAD_MS
        else:
            wait = endpointing.wait_ms(self.caller.text, expects=self._expects, plan_ms=self._plan.wait_ms)
            wait = self._pace.stretch(wait)
        return max(self.caller.end_ms + wait, self._not_before)

    def _on_commit(self, _: e.Event | None) -> None:
        if self.caller.waiting or self.caller.unrequested:
            return
        due = self._due()
        if self._now < due:
            self._timers.set("commit", due)
        elif self.caller.text:
            self._commit_turn(due)
        else:
            self._drop_turn()

    def _on_transcript(self, _: e.Event) -> None:
        """A transcript never came: go on with the words that there are."""
        if self.caller.text:
            self._commit_turn(self._due())
        else:
            self._drop_turn()

    def _commit_turn(self, due: int) -> None:
        caller, text = self.caller, self.caller.text
        if self.reply is None or self.reply.answers != text:
            self._stop_speculation()
            self._prepare_reply(text)
        self.turn += 1
        self._speculations, self._reprompted, self._quiet_since = 0, False, self._now
        times = (caller.start_ms, caller.end_ms, due, caller.transcript_ms)
        self._emit(c.CommitTurn(self.turn, text, *times, caller.source))
        self._expects, self._aside = "anything", None
        caller.forget()
        self._commit_reply()

    def _drop_turn(self) -> None:
        self._stop_speculation()
        self.caller.forget()
        self._speculations = 0
        self._idle()

    def _key(self, event: e.KeyPressed) -> None:
        if self.caller.unrequested and not self.caller.speaking:
            self._close_segment()
        self.caller.key(self._id(), event.digit, event.at)
        if self.caller.speaking:
            self._enter(State.LISTENING)
        else:
            self._endpoint()

    def _key_cuts(self, event: e.KeyPressed) -> None:
        """A digit takes the floor from the agent, as speech does, but needs no judgement."""
        if self.reply is not None and self.reply.interruptible:
            self._cut("keypad", backoff_ms=0, then=lambda: self._key(event))
        else:
            self.caller.key(self._id(), event.digit, event.at)

    # ------------------------------------------------------------ the agent's reply

    def _prepare_reply(self, text: str) -> None:
        self._open_reply(SpeechKind.REPLY, self.turn + 1 if text else self.turn, self.caller.text)
        self._emit(c.PrepareReply(self._last_id, self.turn + 1 if text else self.turn, text))

    def _prepare_speech(self, text: str, kind: SpeechKind, interruptible: bool = True) -> None:
        self._open_reply(kind, self.turn)
        self._emit(c.PrepareSpeech(self._last_id, self.turn, text, kind, interruptible))

    def _open_reply(self, kind: SpeechKind, turn: int, answers: str = "") -> None:
        self._close_cut_reply()
        self.reply = AgentReply(self._id(), turn, kind, answers)

    def _commit_reply(self) -> None:
        assert self.reply is not None
        self.reply.committed = True
        self._enter(State.THINKING)
        self._emit(c.CommitReply(self.reply.id))

    def _stop_speculation(self) -> None:
        if self.reply is not None:
            self._emit(c.StopReply(self.reply.id))
            self.reply = None

    def _queue(self, event: e.UtteranceQueued) -> None:
        if self._is_committed(event.reply) and self.reply is not None:
            self.reply.queue(SpokenUtterance(event.utterance, event.text, event.interruptible))

    def _speak(self, event: e.UtteranceQueued) -> None:
        if not self._is_committed(event.reply):
            return
        self._queue(event)
        if self.state is State.THINKING and self.caller.speaking and event.interruptible:
            self._open_overlap(self.caller.onset_ms)
        else:
            self._enter(State.SPEAKING)

    def _voiced(self, event: e.UtteranceVoiced) -> None:
        if (utterance := self._utterance(event.utterance)) is not None:
            utterance.voiced(event.samples, event.words, final=event.final)

    def _played(self, event: e.PlayoutReported) -> None:
        utterance = self._utterance(event.utterance)
        if utterance is None:
            return
        utterance.played(event.position, event.state)
        if self.state is State.SPEAKING:
            self._timers.set("playout", self._now + PLAYOUT_MS)
        if self._closing is not None and self._closing.settled:
            self._close_cut_reply()
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
        self.reply.finished, self.reply.expects = True, event.expects
        if self.reply.committed:
            self._look_if_spoken()

    def _agent_done(self) -> None:
        self._retire(interrupted=False)
        self._quiet_since = self._now
        if self._failure is not None:
            self._give_up()
        elif self._ending is not None:
            self._emit(c.HangUp(self._ending, after_playout=True))
            self._enter(State.ENDING)
        else:
            self._idle()

    def _retire(self, *, interrupted: bool) -> None:
        """The reply is over: its books are closed when no more reports can come."""
        reply, self.reply = self.reply, None
        if reply is None:
            return
        self._expects = "anything" if interrupted else reply.expects
        self._close_cut_reply()
        self._closing = reply
        if not interrupted or reply.settled:
            self._close_cut_reply()

    def _close_cut_reply(self) -> None:
        reply, self._closing = self._closing, None
        if reply is not None and reply.utterances:
            text, heard = reply.text, reply.heard
            self._emit(c.CloseReply(reply.id, reply.turn, reply.kind, text, heard, heard != text))

    def _idle(self) -> None:
        """The agent has nothing to say, but what live control asked for."""
        if self.caller.speaking:
            self._enter(State.LISTENING)
        elif self._adopt_aside() or not self.caller.empty:
            self._endpoint()
        elif self._says:
            self._say_next()
        else:
            self._enter(State.WAITING)

    def _adopt_aside(self) -> bool:
        aside, self._aside = self._aside, None
        if aside is None or self._now - aside.end_ms > ASIDE_MS or not self.caller.empty:
            return False
        self.caller.start_ms, self.caller.end_ms = aside.start_ms, aside.end_ms
        self.caller.segments.append(aside)
        return True

    def _caller_starts_early(self, event: e.SpeechStarted) -> None:
        if not self._held:
            self.caller.speech_started(event.onset_ms)
            self._timers.set("reopen", event.onset_ms + self._plan.overlap.voice_ms)

    def _caller_was_short(self, event: e.SpeechEnded) -> None:
        """A blip before the agent spoke is nothing."""
        self.caller.speech_ended(event.end_ms)
        self.caller.forget()
        self._timers.clear("reopen")

    def _on_reopen(self, _: e.Event) -> None:
        self._cut("interruption", backoff_ms=0)

    def _on_reply(self, _: e.Event) -> None:
        self._fail("pipeline-error-reply-timeout", f"No part of the reply came within {REPLY_MS // 1000} s.")

    def _on_playout(self, _: e.Event) -> None:
        self._cut("stalled", backoff_ms=0)

    def _on_silence(self, _: e.Event) -> None:
        if self._held:
            self._quiet_since = self._now
            self._enter(State.WAITING)
        elif self._reprompted:
            self._end("silence-timed-out")
        else:
            self._reprompted = True
            self._prepare_speech(self._plan.reprompt, SpeechKind.REPROMPT)
            self._commit_reply()

    # ------------------------------------------------------------ overlap

    def _caller_overlaps(self, event: e.SpeechStarted) -> None:
        if self._held:
            return
        self.caller.speech_started(event.onset_ms)
        if self.state is State.OVERLAP:
            self._judge()
        elif self.reply is not None and self.reply.interruptible:
            self._open_overlap(event.onset_ms)

    def _caller_overlapped(self, event: e.SpeechEnded) -> None:
        self.caller.speech_ended(event.end_ms)
        if self.caller.unrequested and self._speech_ms() >= self._plan.overlap.voice_ms:
            self._close_segment()
        elif self.state is State.SPEAKING:
            self.caller.drop_open()
        if self.state is State.OVERLAP:
            self._judge()

    def _pause(self, event: e.PauseNoticed) -> None:
        if event.pause <= self._last_pause:
            return
        utterance = self._utterance(event.utterance)
        if utterance is None or self.reply is None or event.utterance not in self.reply.utterances:
            self._stray_pause(event)
            return
        self._last_pause = event.pause
        self._pauses[event.pause] = event
        utterance.played(event.position, e.PlayoutState.PAUSED)
        if not utterance.interruptible:
            self._resume("uninterruptible")
        elif self.state is State.OVERLAP:
            self._decide_by_ms = min(self._decide_by_ms, event.decide_by_ms - overlap.MARGIN_MS)
            self._judge()
        else:
            self._open_overlap(event.onset_ms, event.decide_by_ms - overlap.MARGIN_MS)

    def _stray_pause(self, event: e.PauseNoticed) -> None:
        """A pause of what is cut or over already, or of the last words of the call."""
        if event.pause <= self._last_pause:
            return
        self._last_pause = event.pause
        utterance = self._utterance(event.utterance)
        if self.state is State.ENDING:
            border = utterance.resume_from(event.position) if utterance is not None else event.position
            self._emit(c.GiveVerdict(event.pause, False, "ending", border))
        else:
            self._emit(c.GiveVerdict(event.pause, True, "stale"))

    def _open_overlap(self, onset_ms: int, decide_by_ms: int | None = None) -> None:
        self._overlap_ms, self._overlap_text = onset_ms, None
        self._decide_by_ms = onset_ms + overlap.DECIDE_MS if decide_by_ms is None else decide_by_ms
        self._enter(State.OVERLAP)
        self._judge()

    def _speech_ms(self) -> int:
        """How long the caller's latest speech is."""
        end = self._now if self.caller.speaking else self.caller.end_ms
        return max(0, end - self.caller.onset_ms) if not self.caller.empty else 0

    def _judge(self) -> None:
        speaking, speech_ms = self.caller.speaking, self._speech_ms()
        situation = overlap.Overlap(
            self._now, self._overlap_ms, speaking, speech_ms, self._overlap_text, self._decide_by_ms
        )
        ruling = overlap.judge(situation, self._plan.overlap)
        if ruling is None:
            self._timers.set("overlap", overlap.next_look(situation, self._plan.overlap))
        elif ruling.cut:
            self._cut(ruling.reason, backoff_ms=self._plan.backoff_ms)
        else:
            self._resume(ruling.reason)

    def _on_overlap(self, _: e.Event) -> None:
        self._judge()

    def _text_in_overlap(self, event: e.Transcribed) -> None:
        if self.caller.transcribed(event.segment, event.text, self._now):
            self._overlap_text = self.caller.text
            self._judge()

    def _partial_in_overlap(self, event: e.PartialHeard) -> None:
        self._overlap_text = event.text or self._overlap_text
        self._judge()

    def _text_over_agent(self, event: e.Transcribed) -> None:
        """Words that came after the agent went on."""
        if not self.caller.transcribed(event.segment, event.text, self._now) or self.caller.speaking:
            return
        kind = overlap.classify(self.caller.text, self._plan.overlap)
        if self.reply is not None and not self.reply.interruptible:
            return
        if kind == "interruption":
            self._cut(kind, backoff_ms=self._plan.backoff_ms)
        else:
            self._set_aside()

    def _set_aside(self) -> None:
        """Forget what was said over the agent, but for an answer to the question that is being asked."""
        text, caller = self.caller.text, self.caller
        if text and self.reply is not None and (self.reply.text.endswith("?") or self.reply.expects == "yes-no"):
            self._aside = Segment(self._id(), caller.start_ms, caller.end_ms, text)
        if not caller.speaking and not caller.waiting:
            caller.forget()

    def _resume(self, reason: str) -> None:
        for pause in self._pauses.values():
            utterance = self._utterance(pause.utterance)
            border = utterance.resume_from(pause.position) if utterance is not None else 0
            self._emit(c.GiveVerdict(pause.pause, False, reason, border))
        self._pauses.clear()
        self._set_aside()
        self._enter(State.SPEAKING)
        self._look_if_spoken()

    def _cut(self, reason: str, *, backoff_ms: int, then: Callable[[], None] | None = None) -> None:
        """The agent loses the floor. `then` says who has it, by default the caller."""
        for pause in self._pauses.values():
            self._emit(c.GiveVerdict(pause.pause, True, reason))
        self._pauses.clear()
        self._silence_agent(reason)
        self._not_before = self._now + backoff_ms
        self._ending, self._aside = None, None
        (then or self._idle)()

    def _silence_agent(self, reason: str) -> None:
        reply = self.reply
        if reply is None:
            return
        self._emit(c.StopReply(reply.id))
        if not reply.settled:
            self._emit(c.CutUtterances(reply.last_utterance, reason))
        self._retire(interrupted=True)

    # ------------------------------------------------------------ tools

    def _tool_started(self, event: e.ToolStarted) -> None:
        if not self._is_committed(event.reply) or self.reply is None:
            return
        self.reply.tools.add(event.tool)
        self._tools_until = max(self._tools_until, self._now + event.timeout_ms)
        if self.state is State.THINKING:
            self._timers.set("reply", self._tools_until + REPLY_MS)
        if not self.reply.filled:
            self._timers.set("filler", self._now + FILLER_MS)

    def _tool_ended(self, event: e.ToolEnded) -> None:
        if self.reply is not None and self.reply.id == event.reply:
            self.reply.tools.discard(event.tool)
            if not self.reply.tools:
                self._timers.clear("filler")

    def _on_filler(self, _: e.Event) -> None:
        """A tool is slow: cover the silence once."""
        reply = self.reply
        if reply is None or not reply.tools or reply.filled:
            return
        if not reply.settled or self.caller.speaking:
            self._timers.set("filler", self._now + FILLER_MS)
            return
        reply.filled = True
        self._emit(c.Speak(reply.id, self._plan.filler))

    # ------------------------------------------------------------ live control, hold, the end

    def _say(self, event: e.SayRequested) -> None:
        self._says.append(event)
        self._say_next()

    def _say_later(self, event: e.SayRequested) -> None:
        if self.state is not State.ENDING:
            self._says.append(event)

    def _say_next(self) -> None:
        say = self._says.popleft()
        if say.end_call_after:
            self._ending = "assistant-ended-call-after-message-spoken"
        self._prepare_speech(say.text, SpeechKind.SAY, interruptible=not say.end_call_after)
        self._commit_reply()

    def _hold(self, event: e.HoldChanged) -> None:
        self._held, self._quiet_since = event.held, self._now
        if not event.held:
            return
        self.caller.speech_ended(self._now)
        if self.state is State.OVERLAP:
            self._resume("hold")
        elif self.state in (State.LISTENING, State.ENDPOINTING):
            self._drop_turn()

    def _end_requested(self, event: e.EndRequested) -> None:
        if not self._is_committed(event.reply) or self.reply is None or self._ending is not None:
            return
        self._ending = event.reason
        text = self._plan.farewell or ("" if self.reply.utterances else self._plan.goodbye)
        if text and not event.farewell:
            self._emit(c.Speak(self.reply.id, text, interruptible=False))

    def _reply_failed(self, event: e.ReplyFailed) -> None:
        if self.reply is None or self.reply.id != event.reply:
            return
        if not self.reply.committed and self.state is not State.OPENING:
            self._stop_speculation()
        else:
            self._fail(event.reason, event.detail, audible=event.audible)

    def _transcriber_failed(self, event: e.TranscriberFailed) -> None:
        self._fail(event.reason, event.detail)

    def _fail(self, reason: str, detail: str, *, audible: bool = True) -> None:
        """Say so after what is being said, when the voice works, and end."""
        if self.state in _LAST:
            return
        apologising = self._failure is not None
        self._failure = self._failure or c.Fail(reason, detail)
        opening = self.state is State.OPENING
        if not audible or apologising or opening:
            self._end("", failure=self._failure)
            return
        if self.reply is not None and not self.reply.settled:
            self.reply.finished = True
            return
        self._silence_agent("failure")
        self._give_up()

    def _give_up(self) -> None:
        """The reply that failed is over: apologise, and then fail."""
        assert self._failure is not None
        if self._apologised:
            self._emit(self._failure)
            self._enter(State.ENDING)
            return
        self._apologised = True
        self._prepare_speech(self._plan.apology, SpeechKind.APOLOGY, interruptible=False)
        self._commit_reply()

    def _on_call(self, _: e.Event) -> None:
        self._end("exceeded-max-duration")

    def _end(self, reason: str, *, failure: c.Fail | None = None) -> None:
        """End the call at once."""
        for pause in self._pauses.values():
            self._emit(c.GiveVerdict(pause.pause, True, "ending"))
        self._pauses.clear()
        self._silence_agent("ending")
        self._close_cut_reply()
        self._ending = reason or self._ending
        self._emit(failure or c.HangUp(reason, after_playout=False))
        self._enter(State.ENDING)

    def _on_ending(self, _: e.Event) -> None:
        """The gateway did not end the call: say it again, without waiting for anything."""
        reason = self._failure.reason if self._failure is not None else self._ending
        self._emit(c.HangUp(reason or "worker-shutdown", after_playout=False))
        self._enter(State.CLOSED)

    def _close(self, _: e.CallEnded) -> None:
        reply = self.reply
        if reply is not None:
            self._emit(c.StopReply(reply.id))
        self._retire(interrupted=True)
        self._close_cut_reply()
        self._enter(State.CLOSED)

    # ------------------------------------------------------------ books

    def _enter(self, state: State) -> None:
        """Change the state: disarm what it does not wait for, arm what it always waits for."""
        if state is not self.state:
            assert state in NEXT[self.state], f"{self.state} → {state}"
            self.state = state
        self._timers.keep(TIMERS[state])
        now = self._now
        if state is State.WAITING:
            self._timers.set("silence", max(self._quiet_since + self._plan.silence_ms // 2, now + 1))
        elif state is State.LISTENING:
            self._timers.set("segment", max(self.caller.onset_ms, now - SEGMENT_MS + 1) + SEGMENT_MS)
        elif state is State.THINKING:
            self._timers.set("reply", max(now, self._tools_until) + REPLY_MS)
        elif state is State.SPEAKING:
            self._timers.set("playout", now + PLAYOUT_MS)
        elif state is State.ENDING:
            self._timers.set("ending", now + ENDING_MS)

    def _emit(self, command: Command) -> None:
        self._commands.append(command)

    def _id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _is_committed(self, reply: int) -> bool:
        return self.reply is not None and self.reply.id == reply and self.reply.committed

    def _utterance(self, id: int) -> SpokenUtterance | None:
        for reply in (self.reply, self._closing):
            if reply is not None and id in reply.utterances:
                return reply.utterances[id]
        return None


_METHODS: Mapping[str, Callable[[TurnMachine, object], None]] = {
    name: method for name, method in vars(TurnMachine).items() if callable(method)
}
