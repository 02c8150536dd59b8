"""Rules of a conversation that goes on after another worker, or another assistant, had it."""

from __future__ import annotations

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.agent import AgentReply
from gateway.conversation.commands import SpeechKind
from gateway.conversation.floor import REPLY_MS
from gateway.conversation.heard import SpokenUtterance
from gateway.conversation.screening import Screening
from gateway.conversation.states import State

_KEPT_KINDS = frozenset({SpeechKind.REPROMPT, SpeechKind.VOICEMAIL})
"""What is said in one of these is no answer, also when another worker says the rest of it."""


class Resuming(Screening):
    """Take over what is being said, say the rest, answer what is owed, or wait."""

    def _resume_conversation(self, event: e.Started) -> None:
        self.turn, self._said = event.turn, event.said
        self._fillers.last, self._fillers.last_turn = event.filler, event.filler_turn
        self._timers.set("call", max(self._plan.max_duration_ms, event.at + 1))
        self._ending = event.ending or None
        self._says.extend(
            e.SayRequested(event.at, one.text, one.end_call_after, one.interruptible) for one in event.says
        )
        self._go_on_waiting(event)
        if event.adopted or event.rest or event.unfinished:
            self._take_over(event)
        elif event.ending:
            self._end_as_told(event.ending)
        elif event.opens and not event.answer:
            self._prepare_opening()
            self._open()
        elif event.takes_over and self._plan.greeting:
            self._prepare_speech(self._plan.greeting, SpeechKind.GREETING, self._plan.greeting_interruptible)
            self._commit_reply()
        elif event.answer or (event.takes_over and self._plan.speaks_first):
            self._prepare_reply("")
            self._commit_reply()
        else:
            self._enter(State.WAITING)
            self._idle()

    def _prepare_opening(self) -> None:
        """What the assistant says first, where it speaks first."""
        if self._plan.greeting:
            self._prepare_speech(self._plan.greeting, SpeechKind.GREETING, self._plan.greeting_interruptible)
        elif self._plan.makes_greeting:
            self._prepare_reply("")

    def _open(self) -> None:
        """Somebody is on the line: find out who, or begin."""
        if self._plan.voicemail is not None:
            self._screen_answer(self._plan.voicemail)
        elif self.reply is not None:
            self._commit_reply()
        else:
            self._enter(State.WAITING)  # keys that an earlier worker heard may be a turn already
            self._idle()

    def _go_on_waiting(self, event: e.Started) -> None:
        """Keys that were pressed, and the silence as long as it is by now: what was said for it is not said again."""
        if self._plan.keypad.enabled:
            for digit in event.keys:
                self.caller.key(self._id(), digit, event.at)
        if event.silent_ms:
            self._silence.begins(event.silent_ms)
            for _ in range(event.reprompts):
                self._silence.due(self._silence.next)
            self._silence.goes_on(max(event.silent_ms, event.reprompted_ms))

    def _take_over(self, event: e.Started) -> None:
        """What sounds still is the beginning of a reply, and what is left of its text the rest."""
        said = " ".join(one.text for one in event.adopted if not one.filler)
        kind = SpeechKind(event.kind)
        if event.unfinished:
            self._open_reply(AgentReply(self._id(), event.turn, SpeechKind.REPLY))
            self._emit(c.PrepareReply(self._last_id, event.turn, "", said=said))
        elif event.rest:
            kind = kind if kind in _KEPT_KINDS else SpeechKind.CONTINUATION
            self._open_reply(AgentReply(self._id(), event.turn, kind, fixed=f"{said} {event.rest}".strip()))
            self._emit(c.PrepareSpeech(self._last_id, event.turn, event.rest, kind, said=said))
        else:
            kind = kind if kind is SpeechKind.COVER else SpeechKind.CONTINUATION
            self._open_reply(AgentReply(self._id(), event.turn, kind, finished=True))
        assert self.reply is not None
        for one in event.adopted:
            self.reply.queue(_utterance(one))
        self._reply_by = self._now + REPLY_MS
        if self.reply.finished:
            self.reply.committed = True
            self._enter(State.THINKING)
        else:
            self._commit_reply()
        if not self.reply.settled:
            self._enter(State.SPEAKING)

    def _end_as_told(self, reason: str) -> None:
        """The call was to end after what has been said."""
        self._emit(c.HangUp(reason, after_playout=True))
        self._enter(State.ENDING)


def _utterance(one: e.AdoptedUtterance) -> SpokenUtterance:
    spoken = SpokenUtterance(one.utterance, one.text, one.interruptible, one.filler)
    spoken.voiced(one.samples, one.words, final=True)
    over = one.position >= one.samples
    spoken.played(one.position, e.PlayoutState.FINISHED if over else e.PlayoutState.PLAYING)
    return spoken
