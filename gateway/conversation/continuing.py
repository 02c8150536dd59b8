"""Rules of a reply that broke off although nobody took the floor: it goes on.

A reply breaks off by mistake when a sound without words cut it or took it back, and when the gateway cut it by itself,
because the verdict came too late or the audio did. If the caller then says nothing, the agent says what was not heard
of a text that is known, and asks the model again for one that is not.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.conversation import events as e
from gateway.conversation.agent import AgentReply
from gateway.conversation.commands import SpeechKind
from gateway.conversation.kept_speech import KeptSpeech


class Continuing(KeptSpeech):
    """Remember what broke off until the floor is empty or somebody has it."""

    _broken: tuple[AgentReply, str | None] | None = None
    """With the reason for which the call was to end after it."""

    def _cut(self, reason: str, *, backoff_ms: int, then: Callable[[], None] | None = None) -> None:
        by_mistake = reason in ("interruption", "overtaken") and self.reply is not None
        if self.reply is not None and not self._covers:
            self._broken = (self.reply, self._ending) if by_mistake else None
        super()._cut(reason, backoff_ms=backoff_ms, then=then)

    def _played(self, event: e.PlayoutReported) -> None:
        """An utterance of the reply that ends without our doing takes what follows it along: what is heard of a reply
        has no holes."""
        ours = self.reply is not None and event.utterance in self.reply.utterances
        utterance = self._utterance(event.utterance)
        if event.state is e.PlayoutState.CUT and ours and utterance is not None and not utterance.settled:
            utterance.played(event.position, event.state)
            self._cut("overtaken", backoff_ms=0)
        else:
            super()._played(event)

    def _commit_turn(self, due: int) -> None:
        self._broken = None
        super()._commit_turn(due)

    def _continue(self) -> bool:
        """Go on with what broke off; False when there is nothing to go on with."""
        if self._broken is None:
            return False
        (reply, ending), self._broken = self._broken, None
        self._close_cut_reply()
        if reply.kind is SpeechKind.REPLY and not reply.finished:
            self._prepare_reply("")
        elif reply.kind is not SpeechKind.REPROMPT and (rest := reply.rest):
            self._prepare_speech(rest, SpeechKind.CONTINUATION, interruptible=not reply.protected)
        else:
            return False
        assert self.reply is not None
        self.reply.expects, self._ending = reply.expects, ending
        self._commit_reply()
        return True
