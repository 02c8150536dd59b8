"""Rules of uninterruptible passages: what the caller says over one is kept until it is over."""

from __future__ import annotations

from gateway.conversation import overlap
from gateway.conversation.barge_in import BargeIn
from gateway.conversation.states import State


class KeptSpeech(BargeIn):
    """Decide what becomes of speech that could not interrupt."""

    def _passage_over(self) -> None:
        """Who spoke over a passage is not told the rest of the reply first."""
        reply = self.reply
        goes_on = reply is not None and reply.interruptible and not reply.settled
        if self.state is State.SPEAKING and goes_on and self._kept == "interruption":
            self._cut("interruption", backoff_ms=0)

    def _reply_over(self) -> None:
        """What was said over passages is a turn, unless it only acknowledges them."""
        if self._kept and self._kept != "interruption":
            self._set_aside()

    @property
    def _kept(self) -> str:
        """What kind of speech is kept; empty while it is not known, or none."""
        caller = self.caller
        if caller.empty or caller.speaking or caller.waiting or caller.unrequested:
            return ""
        said = self.reply.text if self.reply is not None else ""
        return "interruption" if caller.pressed else overlap.classify(caller.text, self._plan.overlap, agent=said)
