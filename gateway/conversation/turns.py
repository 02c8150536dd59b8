"""Rules of the caller's side: speech and keys become a turn, the turn is taken or dropped."""

from __future__ import annotations

from gateway.conversation import commands as c
from gateway.conversation import endpointing
from gateway.conversation import events as e
from gateway.conversation.caller import POST_ROLL_MS, PRE_ROLL_MS, Segment
from gateway.conversation.fillers import CHANCE_MS, SILENT_MS
from gateway.conversation.floor import SEGMENT_MS, SPECULATIONS, TRANSCRIBE_MS, TRANSCRIPT_MS
from gateway.conversation.keypad import TYPING_MS
from gateway.conversation.replies import Replies
from gateway.conversation.states import State


class Turns(Replies):
    """Listen, wait for the end of the turn, and take it."""

    def _caller_starts(self, event: e.SpeechStarted) -> None:
        if self._held:
            return
        pause = self.caller.speech_started(event.onset_ms)
        if pause is not None:
            self._pace.paused(pause)
        self._enter(State.LISTENING)

    def _caller_may_pause(self, event: e.SpeechPaused) -> None:
        """Have the speech transcribed before it is known to be over: then the text is there when it is."""
        draft = self.caller.draft(self._id(), event.end_ms)
        if draft is not None:
            self._transcribe(draft)

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
        self._timers.set("cover", self._cover_due())
        if not self.caller.unrequested and not self.caller.waiting:
            self._text_complete()

    def _cover_due(self) -> int:
        """When a phrase is due if the text is still missing: as if the turn had been taken when its wait is over. No
        wait that another text gave puts it off."""
        silent = max(self.caller.end_ms, self._covered_ms)
        taken = max(self._now, min(self._due(), silent + SILENT_MS - CHANCE_MS))
        return self._fillers.due_ms(self.turn + 1, taken, silent)

    def _on_segment(self, _: e.Event) -> None:
        """Speech without an end: transcribe it in pieces."""
        self._transcribe(self.caller.roll(self._id(), self._now))
        self._timers.set("segment", self._now + SEGMENT_MS)

    def _on_transcribe(self, _: e.Event) -> None:
        self._close_segment()

    def _close_segment(self) -> None:
        self._transcribe(self.caller.close_segment(self._id(), self.caller.spoken_ms))

    def _transcribe(self, segment: Segment) -> None:
        start, end = max(0, segment.start_ms - PRE_ROLL_MS), segment.end_ms + POST_ROLL_MS
        expects = "overlap" if self.state is State.OVERLAP and self._expects == "anything" else self._expects
        self._emit(c.Transcribe(segment.id, start, min(end, max(self._now, segment.end_ms)), expects))

    def _text(self, event: e.Transcribed) -> None:
        known = self.caller.transcribed(event.segment, event.text, self._now, event.finished)
        complete = not self.caller.waiting and not self.caller.unrequested
        if known and complete and self.state is State.ENDPOINTING:
            self._text_complete()
        elif known and self.state is State.LISTENING and self.caller.rolled == event.segment and not event.text:
            self._nobody_speaks()

    def _nobody_speaks(self) -> None:
        """What lasts for so long and has no words is a noise, which the detector may never see the end of."""
        self.caller.speech_ended(self._now)
        self._endpoint()

    def _turn_end_judged(self, event: e.TurnEndJudged) -> None:
        """Evidence by sound about the end of the latest speech; what came before it is out of date."""
        if self.caller.speaking:
            return
        if event.segment is not None:
            if not self.caller.judged(event.segment, event.probability):
                return
        elif event.end_ms == self.caller.end_ms:
            self.caller.finished = event.probability
        else:
            return
        if self.state is State.ENDPOINTING and self.caller.text:
            self._on_commit(None)

    def _text_complete(self) -> None:
        """Every word of the turn so far is known."""
        if not self.caller.text:
            self._drop_turn()
            return
        self._speculate(self.caller.text)
        self._ask_server()
        self._on_commit(None)

    def _ask_server(self) -> None:
        """Put the text to the user's server, where the assistant wants that."""
        caller = self.caller
        if caller.source == "speech" and self._plan.endpointing.asks_server(caller.text, self._said):
            question = c.AskEndpointing(self._id(), caller.text, caller.start_ms, caller.end_ms)
            if self._request.ask(question, self._now):
                self._emit(question)

    def _endpointing_answered(self, event: e.EndpointingAnswered) -> None:
        if not self._request.answered(event):
            return
        if self._request.given_up:
            self._emit(
                c.Note("endpointing-server-given-up", "It failed too often and is not asked again in this call.")
            )
        if self.state is State.ENDPOINTING and self.caller.text:
            self._on_commit(None)

    def _speculate(self, text: str) -> None:
        """Prepare the answer, unless it is prepared already for the same text."""
        if self.reply is not None and self.reply.answers == text:
            return
        self._stop_speculation()
        if self._speculations < SPECULATIONS and not self._typing and not self._muted:
            self._speculations += 1
            self._prepare_reply(text)

    def _due(self) -> int:
        """When the endpointing rule takes the turn."""
        wait = self._keys_wait_ms if self.caller.keys else self._wait_ms()
        return max(self.caller.end_ms + wait, self._not_before, self._request.waits_until or 0)

    @property
    def _keys_wait_ms(self) -> int:
        count = self._expects.partition(":")[2]
        return self._plan.keypad.wait_ms(self.caller.keys, int(count) if count.isdigit() else 0)

    @property
    def _typing(self) -> bool:
        """Another key is likely to come at once: an answer to these would be made in vain."""
        more = bool(self.caller.keys) and self._keys_wait_ms > TYPING_MS
        return more and self._now < self.caller.end_ms + TYPING_MS

    def _wait_ms(self) -> int:
        """The assistant's own plan decides; where it does not, the policy does, stretched to this caller's pace."""
        text, caller, least = self.caller.text, self.caller, self._plan.wait_ms
        finished = endpointing.finished(caller.finished_by_words, caller.finished)
        answer = self._request.answer_ms
        planned = self._plan.endpointing.wait_ms(
            text, said=self._said, finished=finished, by_sound=caller.finished, answer_ms=answer
        )
        if planned is not None:
            return max(planned, least)
        patience, least = self._pace.patience_ms, max(least, self._pace.caution_ms)
        return endpointing.wait_ms(text, expects=self._expects, plan_ms=least, finished=finished, patience_ms=patience)

    def _on_commit(self, _: e.Event | None) -> None:
        if self.caller.waiting or self.caller.unrequested:
            return
        due = self._due()
        if self._now < due:
            self._timers.set("commit", self.caller.end_ms + TYPING_MS if self._typing else due)
            if self.caller.keys:
                self._speculate(self.caller.text)
        elif self.caller.text:
            self._commit_turn(due)
        else:
            self._drop_turn()

    def _on_transcript(self, _: e.Event) -> None:
        """A transcript never came: go on with the words that there are."""
        if not self.caller.waiting and not self.caller.unrequested:
            self._on_commit(None)
        elif self.caller.text:
            self._commit_turn(self._due())
        else:
            self._drop_turn()

    def _commit_turn(self, due: int) -> None:
        caller, text = self.caller, self.caller.text
        if self._muted:
            self._stop_speculation()
        elif self.reply is None or self.reply.answers != text:
            self._stop_speculation()
            self._prepare_reply(text)
        self.turn += 1
        self._speculations = 0
        self._silence.caller_spoke(self._now)
        times = (caller.start_ms, caller.end_ms, due, caller.transcript_ms)
        self._emit(c.CommitTurn(self.turn, text, *times, caller.source))
        self._expects, self._aside = "anything", None
        self._request.forget()
        self._taken_ms = caller.end_ms
        asked_ms = max(caller.end_ms, self._covered_ms)
        self._pace.took_turn()
        caller.forget()
        self._answer_wanted = False
        if self._muted:
            self._enter(State.WAITING)
        else:
            self._commit_reply(asked_ms)

    def _learn_from_cut_off(self) -> None:
        """The caller takes the floor back right after his turn: he had only paused."""
        pause = self.caller.onset_ms - self._taken_ms
        if self._taken_ms and 0 < pause <= endpointing.CUT_OFF_MS:
            self._pace.cut_off(pause)
            self._taken_ms = 0

    def _drop_turn(self) -> None:
        self._stop_speculation()
        self._request.forget()
        self.caller.forget()
        self._speculations = 0
        self._idle()

    def _key(self, event: e.KeyPressed) -> None:
        if not self._plan.keypad.enabled:
            self._emit(c.Note("key", event.digit))
            return
        if self.caller.unrequested and not self.caller.speaking:
            self._close_segment()
        self.caller.key(self._id(), event.digit, event.at)
        if self.caller.speaking:
            self._enter(State.LISTENING)
        else:
            self._endpoint()
