"""Rules of both at once: caller speech before and over the agent's voice, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation import overlap
from gateway.conversation.caller import PRE_ROLL_MS, Segment
from gateway.conversation.floor import ONSET_LAG_MS
from gateway.conversation.states import State
from gateway.conversation.turns import Turns

STEADY = 0.5
"""A partial text that is less likely than this to stay as it is says nothing yet."""


class BargeIn(Turns):
    """Open an overlap, judge it, cut or resume."""

    # ------------------------------------------------------------ the agent is about to speak

    def _speak(self, event: e.UtteranceQueued) -> None:
        self._queue(event)
        if not self._is_committed(event.reply):
            return
        if self.state is State.THINKING and self.caller.speaking and event.interruptible:
            self._open_overlap(self.caller.onset_ms)
        else:
            self._enter(State.SPEAKING)

    def _caller_starts_early(self, event: e.SpeechStarted) -> None:
        if not self._held:
            self.caller.speech_started(event.onset_ms)
            self._watch_speech("reopen", self._plan.overlap.voice_ms)

    def _caller_was_short(self, event: e.SpeechEnded) -> None:
        """A blip before the agent spoke is nothing. Longer speech began over a passage, or comes before one."""
        self.caller.speech_ended(event.end_ms)
        self._timers.clear("reopen")
        if self.caller.unrequested and self.caller.spoken_ms - self.caller.onset_ms >= self._plan.overlap.voice_ms:
            self._close_segment()
        else:
            self.caller.drop_open()

    def _on_reopen(self, _: e.Event) -> None:
        self._cut("interruption", backoff_ms=0)

    def _on_overrun(self, _: e.Event) -> None:
        """The agent went on, and so does the caller: judge that speech as a new overlap."""
        if not self._plan.overlap.num_words and self.reply is not None and self.reply.interruptible:
            self._open_overlap(self.caller.onset_ms)

    # ------------------------------------------------------------ overlap

    def _caller_overlaps(self, event: e.SpeechStarted) -> None:
        if self._held:
            return
        if self.caller.empty or event.onset_ms - self.caller.end_ms >= overlap.DIP_MS:
            self._burst_ms, self._measured = event.onset_ms, None
        # over a phrase that covers the wait for a turn's words, what goes on is that turn
        self._burst_ms = max(self._burst_ms, self.caller.start_ms)
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
            self._go_on("uninterruptible")
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
        self._overlap_ms, self._overlap_text, self._look = onset_ms, None, None
        if not self.caller.speaking:
            self._burst_ms, self._measured = onset_ms, None
        self._decide_by_ms = onset_ms + overlap.DECIDE_MS if decide_by_ms is None else decide_by_ms
        self._enter(State.OVERLAP)
        self._timers.set("look", onset_ms + (overlap.LOOK_MS if self._pauses else overlap.LOOK_UNPAUSED_MS))
        self._judge()

    def _speech_ms(self) -> int:
        """How long the caller's latest speech is, dips included, from the earlier of what the two detectors took for
        its onset."""
        if self.caller.empty:
            return 0
        end = self._now if self.caller.speaking else self.caller.spoken_ms
        onset = self._burst_ms
        if self.state is State.OVERLAP and 0 < onset - self._overlap_ms < ONSET_LAG_MS:
            onset = self._overlap_ms
        return max(0, end - onset)

    def _situation(self) -> overlap.Overlap:
        measured = self._measured
        return overlap.Overlap(
            self._now,
            self._overlap_ms,
            self._decide_by_ms,
            paused=bool(self._pauses),
            speaking=self.caller.speaking,
            speech_ms=self._speech_ms(),
            end_ms=self.caller.end_ms,
            text=self._overlap_text,
            text_to_ms=self._overlap_text_to,
            agent=self.reply.text if self.reply is not None else "",
            over_usual_db=measured.over_usual_db if measured is not None else None,
            voiced=measured.voiced if measured is not None else None,
            again=self._overlapped_again == self._burst_ms,
        )

    def _judge(self) -> None:
        situation = self._situation()
        ruling = overlap.judge(situation, self._plan.overlap)
        if ruling is None:
            self._timers.set("overlap", overlap.next_look(situation, self._plan.overlap))
        elif ruling.cut and self.reply is not None and not self.reply.interruptible:
            self._go_on("uninterruptible")
        elif ruling.cut:
            self._cut(ruling.reason, backoff_ms=self._plan.backoff_ms)
        elif ruling.reason == "side-talk":
            self._disregard(ruling.reason)
        else:
            self._resume(ruling.reason)
            if self.caller.speaking and self.state is State.SPEAKING:
                self._judge_on(ruling.reason)

    def _judge_on(self, reason: str) -> None:
        """The agent goes on, and so does the speech: it began as an acknowledgement, or too late to be judged."""
        if reason == "backchannel":
            self._overlapped_again = self._burst_ms
            self._open_overlap(self._burst_ms, self._now + overlap.GRACE_MS)
        elif self._burst_ms + overlap.DECIDE_MS > self._now:
            self._open_overlap(self._burst_ms)

    def _on_overlap(self, _: e.Event) -> None:
        self._judge()

    def _on_look(self, _: e.Event) -> None:
        """Speech goes on: learn how it begins, before a decision is due."""
        if self.caller.speaking and self._plan.overlap.acknowledgements:
            start = max(0, self._burst_ms - PRE_ROLL_MS)
            self._look = c.Transcribe(self._id(), start, self._now, "overlap")
            self._emit(self._look)

    def _text_in_overlap(self, event: e.Transcribed) -> None:
        if self._look is not None and event.segment == self._look.segment:
            self._hear_words(event.text, self._look.end_ms)
        elif self.caller.transcribed(event.segment, event.text, self._now):
            if any(segment.end_ms >= self._burst_ms for segment in self.caller.segments):
                self._hear_words(self.caller.text, self.caller.segments[-1].end_ms)
            elif self._kind_of_words() == "interruption" and not self._covers:
                # These words say nothing about the speech that goes on.
                self._cut("interruption", backoff_ms=self._plan.backoff_ms)

    def _partial_in_overlap(self, event: e.PartialHeard) -> None:
        if event.stability is None or event.stability >= STEADY:
            self._hear_words(event.text, self._now if event.end_ms is None else event.end_ms)

    def _hear_words(self, text: str, to_ms: int) -> None:
        """A later look at the words replaces an earlier one."""
        if self._overlap_text is None or to_ms >= self._overlap_text_to:
            self._overlap_text, self._overlap_text_to = text, to_ms
        self._judge()

    # ------------------------------------------------------------ what it sounds like

    def _measured_in_overlap(self, event: e.SpeechMeasured) -> None:
        self._measured = event
        self._judge()

    def _measured_over_agent(self, event: e.SpeechMeasured) -> None:
        """What was somebody else in the room has become the caller."""
        self._measured = event
        if not self.caller.speaking and not overlap.is_side_talk(event.over_usual_db):
            self._caller_overlaps(e.SpeechStarted(event.at, event.onset_ms))

    def _disregard(self, reason: str) -> None:
        """What sounds is not the caller, for as long as it goes on."""
        self.caller.speaking = False
        self._forget_overlap()
        if self.state is State.OVERLAP:
            self._resume(reason)

    def _echo_in_overlap(self, _: e.EchoHeard) -> None:
        self._disregard("echo")

    def _echo_over_agent(self, _: e.EchoHeard) -> None:
        if self.caller.speaking:
            self._disregard("echo")

    def _echo_before_agent(self, _: e.EchoHeard) -> None:
        """The tail of one utterance before the next one."""
        if self.caller.speaking:
            self._disregard("echo")
            self._timers.clear("reopen")

    def _echo_in_turn(self, _: e.EchoHeard) -> None:
        """The tail of the agent's last words, taken for the beginning of a turn."""
        if not self.caller.segments:
            self.caller.speaking = False
            self._drop_turn()

    # ------------------------------------------------------------ what becomes of it

    def _text_over_agent(self, event: e.Transcribed) -> None:
        """Words that came after the agent went on."""
        if not self.caller.transcribed(event.segment, event.text, self._now) or self.caller.speaking:
            return
        if self.reply is not None and not self.reply.interruptible:
            return
        if self._kind_of_words() == "interruption":
            self._cut("interruption", backoff_ms=self._plan.backoff_ms)
        else:
            self._set_aside()

    def _kind_of_words(self) -> str:
        return overlap.classify(self.caller.text, self._plan.overlap, agent=self.reply.text if self.reply else "")

    def _forget_overlap(self) -> None:
        """What sounded over the agent was not the caller."""
        self.caller.forget()

    def _set_aside(self) -> None:
        """Forget what was said over the agent, but for an answer to the question that is being asked."""
        text, caller = self.caller.text, self.caller
        if text and self.reply is not None and (self.reply.text.endswith("?") or self.reply.expects == "yes-no"):
            self._aside = Segment(self._id(), caller.start_ms, caller.end_ms, text)
        if not caller.speaking and not caller.waiting:
            caller.forget()

    def _resume(self, reason: str) -> None:
        if reason == "echo":
            self._forget_overlap()
        self._set_aside()
        self._go_on(reason)

    def _go_on(self, reason: str) -> None:
        for pause in self._pauses.values():
            utterance = self._utterance(pause.utterance)
            border = utterance.resume_from(pause.position) if utterance is not None else 0
            self._emit(c.GiveVerdict(pause.pause, False, reason, border))
        self._pauses.clear()
        self._enter(State.SPEAKING)
        self._look_if_spoken()

    def _cut(self, reason: str, *, backoff_ms: int, then: Callable[[], None] | None = None) -> None:
        """The agent loses the floor. `then` says who has it, by default the caller."""
        if reason == "interruption":
            self._learn_from_cut_off()
        silent_ms = min((pause.onset_ms for pause in self._pauses.values()), default=self._now)
        self._cut_agent(reason)
        self._not_before = silent_ms + backoff_ms
        self._ending, self._aside = None, None
        if self._leaving:
            self._hand_over()
            return
        (then or (self._give_up if self._failure is not None else self._idle))()

    def _key_cuts(self, event: e.KeyPressed) -> None:
        """A digit takes the floor from the agent, as speech does, but needs no judgement."""
        if not self._plan.keypad.enabled:
            self._key(event)
        elif self.reply is not None and self.reply.interruptible:
            self._cut("keypad", backoff_ms=0, then=lambda: self._key(event))
        else:
            self.caller.key(self._id(), event.digit, event.at)
