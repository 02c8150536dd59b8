"""Rules of the first seconds of an outbound call: find out who answered, greet a human, leave a machine a message."""

from __future__ import annotations

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.commands import SpeechKind
from gateway.conversation.floor import TRANSCRIBE_MS
from gateway.conversation.late_transcript import LateTranscript
from gateway.conversation.plan import TurnPlan
from gateway.conversation.states import State
from gateway.conversation.voicemail import AnsweredBy, Answerer, Verdict, VoicemailPlan

LEAD_MS = 250
"""From the end of the beep to the first word: a recorder needs a moment to begin."""
GREETING_OVER_MS = 3_500
"""Silence after a machine's greeting in which no beep came."""
RECENT_MS = 1_000
"""A beep that ended longer ago was part of the greeting."""
HUMAN_TURNS = 4
"""Whoever took so many turns is a human. The first words of a machine and what it says over us may be three."""


class Screening(LateTranscript):
    """Screen the answer, watch for signs of a machine, and leave the message."""

    def __init__(self, plan: TurnPlan) -> None:
        super().__init__(plan)
        self._answerer: Answerer | None = None
        self._answered_ms = 0
        self._beep_ms: int | None = None

    def _screen_answer(self, voicemail: VoicemailPlan) -> None:
        """Somebody answered an outbound call."""
        self._answered_ms = self._now
        self._answerer = Answerer(self._now, by_sound=voicemail.by_sound)
        self._emit(c.Screen(beeps=True, foreground=True))
        self._enter(State.SCREENING)
        self._look_who_answered()

    # ------------------------------------------------------------ evidence

    def _watch(self, event: e.Event) -> bool:
        """Collect evidence in whatever state; True when the event showed a machine, and nothing else is to follow."""
        answerer, voicemail = self._answerer, self._plan.voicemail
        if answerer is None or voicemail is None or self.state in (State.VOICEMAIL, State.ENDING, State.CLOSED):
            return False
        match event:
            case e.SpeechStarted(onset_ms=onset_ms):
                answerer.speech_started(onset_ms)
            case e.SpeechEnded(end_ms=end_ms):
                answerer.speech_ended(end_ms)
            case e.Transcribed(segment=segment, text=text):
                self._watch_words(answerer, segment, text)
            case e.BeepHeard(end_ms=end_ms):
                self._beep_ms = end_ms
                answerer.beeped()
        if self.state is State.SCREENING:
            return False
        if self._now - self._answered_ms > voicemail.watch_ms or self.turn >= HUMAN_TURNS:
            self._stop_watching()
        elif (verdict := answerer.certain()) is not None:
            self._machine_answered(verdict)
            return True
        return False

    def _watch_words(self, answerer: Answerer, segment: int, text: str) -> None:
        if self.state is not State.SCREENING:
            answerer.heard(text, complete=False)
        elif self.caller.transcribed(segment, text, self._now):
            answerer.heard(self.caller.text, complete=not self.caller.waiting and not self.caller.unrequested)

    def _stop_watching(self) -> None:
        self._answerer = None
        self._emit(c.Screen(beeps=False, foreground=False))

    # ------------------------------------------------------------ who is it

    def _screened_speech(self, event: e.SpeechStarted) -> None:
        if not self._held:
            self.caller.speech_started(event.onset_ms)
            self._timers.clear("transcribe")
        self._look_who_answered()

    def _screened_pause(self, event: e.SpeechEnded) -> None:
        self.caller.speech_ended(event.end_ms)
        if self.caller.unrequested:
            self._timers.set("transcribe", event.end_ms + TRANSCRIBE_MS)
        self._look_who_answered()

    def _screened(self, _: e.Event) -> None:
        self._look_who_answered()

    def _on_screening(self, _: e.Event) -> None:
        self._look_who_answered()

    def _screened_key(self, event: e.KeyPressed) -> None:
        """Machines press no keys."""
        self._human_answered(Verdict(AnsweredBy.HUMAN, "key"))
        if self.reply is not None:
            self._key_cuts(event)
        else:
            self._key(event)

    def _look_who_answered(self) -> None:
        assert self._answerer is not None
        verdict = self._answerer.judge(self._now)
        if verdict is None:
            self._timers.set("screening", self._answerer.next_look(self._now))
        elif verdict.by is AnsweredBy.MACHINE:
            self._machine_answered(verdict)
        else:
            self._human_answered(verdict)

    def _human_answered(self, verdict: Verdict) -> None:
        assert self._answerer is not None
        self._note_verdict(verdict)
        self._answerer.taken_for_human = True
        self._emit(c.Screen(beeps=True, foreground=False))
        self._silence.begins(self._now)
        if not self._plan.greeting:
            self._idle()
            return
        if self.caller.text:
            self._record_hello()
        if not self.caller.speaking:
            self.caller.forget()
        if self.reply is None:
            self._prepare_speech(self._plan.greeting, SpeechKind.GREETING, self._plan.greeting_interruptible)
        self._commit_reply()

    def _record_hello(self) -> None:
        """What the human said when he answered is a turn, and the greeting is the answer to it."""
        caller = self.caller
        self.turn += 1
        times = (caller.start_ms, caller.end_ms, self._now, caller.transcript_ms)
        self._emit(c.CommitTurn(self.turn, caller.text, *times))

    def _note_verdict(self, verdict: Verdict) -> None:
        seconds = (self._now - self._answered_ms) / 1000
        self._emit(c.Note("answered-by", f"{verdict.by} after {seconds:.1f} s: {verdict.reason}"))

    # ------------------------------------------------------------ a machine

    def _machine_answered(self, verdict: Verdict) -> None:
        assert self._plan.voicemail is not None
        self._note_verdict(verdict)
        self._answerer = None
        self._says.clear()
        if not self._plan.voicemail.message:
            self._end("voicemail")
        elif self.state is State.SCREENING:
            self._silence_agent("voicemail")
            self._await_beep()
        else:
            self._cut("voicemail", backoff_ms=0, then=self._await_beep)

    def _await_beep(self) -> None:
        assert self._plan.voicemail is not None
        self._enter(State.VOICEMAIL)
        self.caller.forget()
        self._prepare_message()
        if self._beep_ms is not None and self._now - self._beep_ms < RECENT_MS:
            self._leave_message_after(self._beep_ms)
        else:
            self._beep_ms = None
            self._set_patience()

    def _set_patience(self) -> None:
        """Without a beep the message comes when the greeting is over, or when the plan's patience is."""
        assert self._plan.voicemail is not None
        patience = self._answered_ms + self._plan.voicemail.beep_ms
        quiet = self.caller.end_ms + GREETING_OVER_MS
        self._timers.set("beep", max(self._now + 1, patience if self.caller.speaking else min(patience, quiet)))

    def _greeting_goes_on(self, event: e.SpeechStarted) -> None:
        self.caller.speech_started(event.onset_ms)
        if self._beep_ms is None:
            self._set_patience()

    def _greeting_pauses(self, event: e.SpeechEnded) -> None:
        self.caller.speech_ended(event.end_ms)
        if self._beep_ms is None:
            self._set_patience()

    def _prepare_message(self) -> None:
        assert self._plan.voicemail is not None
        self._prepare_speech(self._plan.voicemail.message, SpeechKind.VOICEMAIL, interruptible=False)

    def _leave_message_after(self, end_ms: int) -> None:
        self._beep_ms = end_ms
        self._timers.set("beep", max(self._now + 1, end_ms + LEAD_MS))

    def _beep(self, event: e.BeepHeard) -> None:
        """The recorder waits for the message. When that had begun already, it is said again: its front was lost."""
        if self.state is State.VOICEMAIL:
            self._leave_message_after(event.end_ms)
        elif self.reply is not None and self.reply.kind is SpeechKind.VOICEMAIL and self._beep_ms is None:
            self._beep_ms = event.end_ms
            self._cut("beep", backoff_ms=0, then=self._await_beep)

    def _on_beep(self, _: e.Event) -> None:
        if self.reply is None:
            self._prepare_message()
        self._ending = "voicemail"
        self._commit_reply()
