"""Rules of uninterruptible passages: what the caller says over one is kept until it is over."""

from __future__ import annotations

from gateway.conversation import overlap
from gateway.conversation.barge_in import BargeIn
from gateway.conversation.states import State


class KeptSpeech(BargeIn):
    """Decide what becomes of speech that could not interrupt."""

    def _passage_over(self) -> None:
        """Who spoke over a passage, or still does, is not told the rest of the reply first."""
        reply = self.reply
        if self.state is not State.SPEAKING or reply is None or not reply.interruptible or reply.settled:
            return
        if self._kept == "interruption":
            self._cut("interruption", backoff_ms=0)
        elif self.caller.speaking:
            self._open_overlap(self.caller.onset_ms)

    def _reply_over(self) -> None:
        """What was said over passages is a turn, unless it only acknowledges them."""
        if self._kept and self._kept != "interruption":
            self._set_aside()

    @property
    def _kept(self) -> str:
        """What kind of speech is kept; empty while that may still change, or when there is none."""
        caller, said = self.caller, self.reply.text if self.reply is not None else ""
        kind = "interruption" if caller.pressed else overlap.classify(caller.text, self._plan.overlap, agent=said)
        unsure = caller.empty or caller.speaking or caller.waiting or caller.unrequested
        return kind if kind == "interruption" or not unsure else ""
