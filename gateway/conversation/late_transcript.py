"""Rules of a transcript that is late: the caller has finished, and hears that it takes time.

The phrase is a fixed text of its own. While it is made and heard, the turn stays open: its words are kept when they
come, what the caller adds belongs to it, and the wait for it goes on when the phrase is over.
"""

from __future__ import annotations

from gateway.conversation import events as e
from gateway.conversation.commands import SpeechKind
from gateway.conversation.continuing import Continuing
from gateway.conversation.floor import TRANSCRIPT_MS
from gateway.conversation.states import State


class LateTranscript(Continuing):
    """Cover the wait for the caller's words, and go back to it."""

    def _on_cover(self, _: e.Event) -> None:
        """Only the words are missing."""
        if not self._words_missing or self._muted:
            return
        self._stop_speculation()
        phrase = self._fillers.choose(self.turn + 1, tools=False)
        self._prepare_speech(phrase, SpeechKind.COVER)
        self._commit_reply()
        self._timers.set("reply", max(self._now + 1, self.caller.end_ms + TRANSCRIPT_MS))

    @property
    def _words_missing(self) -> bool:
        return self.caller.waiting or self.caller.unrequested

    def _text_over_agent(self, event: e.Transcribed) -> None:
        """The words that were waited for are kept; a phrase that nobody hears yet is not needed any more."""
        if not self._covers or self.reply is None:
            super()._text_over_agent(event)
            return
        self.caller.transcribed(event.segment, event.text, self._now, event.finished)
        unheard = self.state is State.THINKING and not self.reply.utterances
        if unheard and not self._words_missing and not self.caller.speaking:
            self._uncover()

    def _uncover(self) -> None:
        self._silence_agent("stopped")
        self._idle()

    def _on_reply(self, event: e.Event) -> None:
        """The voice is late, too."""
        if self._covers:
            self._uncover()
        else:
            super()._on_reply(event)

    def _reply_failed(self, event: e.ReplyFailed) -> None:
        """A phrase that fails is left out."""
        if self._covers and self.reply is not None and self.reply.id == event.reply:
            self._covered_ms = self._now
            self._uncover()
        else:
            super()._reply_failed(event)

    def _set_aside(self) -> None:
        """The words of the turn stay; of what sounded over the phrase, what was too short to be speech does not."""
        if not self._covers:
            super()._set_aside()
        elif not self.caller.speaking:
            self.caller.drop_open()

    def _forget_overlap(self) -> None:
        if self._covers:
            self.caller.drop_open()
        else:
            super()._forget_overlap()
