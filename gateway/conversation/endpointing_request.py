"""Asking the user's own server how long to wait: what it was asked about the open turn, and what it said.

A question is about a text. New words make a new question, and the answer to an older one counts no more; the same words
after another pause keep their answer. The turn waits for an answer, but not for long, and when the server failed a few
times running it is left alone for the rest of the call: a dead server would delay every turn.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.conversation.commands import AskEndpointing
from gateway.conversation.events import EndpointingAnswered

ANSWER_MS = 2_000
"""An answer that has not come by then never will: the shell gives up earlier."""
FAILURES = 3


@dataclass(slots=True)
class EndpointingRequest:
    """The question about the turn, if one was asked. `answer_ms` is what the server wants, None when it said nothing;
    `waits_until` is the moment up to which its answer is waited for."""

    answer_ms: int | None = None
    waits_until: int | None = None
    _question: int | None = None
    _text: str = ""
    _failures: int = 0

    def ask(self, question: AskEndpointing, at: int) -> bool:
        """Whether the question is to be put: not when it was put already, nor to a server that is given up."""
        if self.given_up or (self._question is not None and question.text == self._text):
            return False
        self._question, self._text = question.question, question.text
        self.answer_ms, self.waits_until = None, at + ANSWER_MS
        return True

    def answered(self, event: EndpointingAnswered) -> bool:
        """Take an answer; False when it is not to the latest question."""
        if event.question != self._question or self.waits_until is None:
            return False
        self.answer_ms, self.waits_until = event.wait_ms, None
        self._failures = self._failures + 1 if event.wait_ms is None else 0
        return True

    @property
    def given_up(self) -> bool:
        """The server has failed too often."""
        return self._failures >= FAILURES

    def forget(self) -> None:
        """The turn is over: the next one has questions of its own."""
        self.answer_ms, self.waits_until, self._question, self._text = None, None, None, ""
