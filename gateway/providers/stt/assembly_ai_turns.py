"""AssemblyAI's `Turn` messages as results. Pure.

Turns are numbered without a gap ("turn_order"). Each message holds the whole turn so far. A turn ends once, or twice
where formatted text is wanted: first as it was said, then with punctuation. Here each turn is told once, in order,
whatever order the messages come in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from gateway.providers.stt.connection import Recognised, RecognisedWord

_AHEAD = 2
"""So many turns are waited with for one that is missing."""


class TurnWord(BaseModel):
    """Times are ms from the start of the session's audio."""

    text: str
    start: int
    end: int
    confidence: float


class Turn(BaseModel):
    """A message. `transcript` holds the words that will not change, `words` all of them."""

    turn_order: int = Field(ge=0)
    turn_is_formatted: bool = False
    end_of_turn: bool = False
    transcript: str = ""
    end_of_turn_confidence: float | None = None
    words: list[TurnWord] = Field(default_factory=list)

    @property
    def confidence(self) -> float | None:
        """That of the words, on average."""
        return sum(word.confidence for word in self.words) / len(self.words) if self.words else None


@dataclass(slots=True)
class Turns:
    """One session's turns.

    :param formatted: the second end of a turn is waited for
    :param least_confidence: what is less sure has no text
    """

    formatted: bool
    least_confidence: float
    _next: int = 0
    _ended: dict[int, Recognised] = field(default_factory=dict)
    """Turns that ended, and those before them have not."""
    _unformatted: Recognised | None = None
    """The next turn, ended and not formatted yet."""

    def told(self, turn: Turn) -> list[Recognised]:
        """What a message tells."""
        order = turn.turn_order
        if order < self._next:
            return []
        results = []
        if order > self._next and self._unformatted is not None:
            results += self._end(self._next, self._unformatted)
        result = self._result(turn)
        if not result.final:
            return results + ([result] if order == self._next and self._unformatted is None else [])
        if self.formatted and not turn.turn_is_formatted:
            if order == self._next:
                self._unformatted = result
            return results
        return results + self._end(order, result)

    def _end(self, order: int, result: Recognised) -> list[Recognised]:
        self._ended[order] = result
        if len(self._ended) > _AHEAD:
            self._next = min(self._ended)
        results = []
        while (ended := self._ended.pop(self._next, None)) is not None:
            results.append(ended)
            self._next += 1
            self._unformatted = None
        return results

    def _result(self, turn: Turn) -> Recognised:
        words = tuple(RecognisedWord(word.text, word.start, word.end) for word in turn.words)
        text = turn.transcript if turn.end_of_turn else " ".join(word.text for word in words)
        if turn.end_of_turn and turn.confidence is not None and turn.confidence < self.least_confidence:
            text = ""
        return Recognised(
            text,
            words[0].start_ms if words else 0,
            words[-1].end_ms if words else 0,
            turn.end_of_turn,
            words=words if len(text.split()) == len(words) else (),
            confidence=turn.confidence,
            finished=turn.end_of_turn_confidence,
        )
