"""Gladia's `transcript` messages as results. Pure.

An utterance is told as it grows, and once as final, always under its id. Here each is final once, and none before one
that began earlier.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from gateway.providers.stt.connection import Recognised, RecognisedWord

_REMEMBERED = 64


class UtteranceWord(BaseModel):
    """Times are seconds from the start of the session's audio."""

    word: str
    start: float
    end: float


class Utterance(BaseModel):
    text: str
    start: float
    end: float
    confidence: float | None = None
    words: list[UtteranceWord] = Field(default_factory=list)


class TranscriptData(BaseModel):
    id: str
    is_final: bool
    utterance: Utterance


class TranscriptMessage(BaseModel):
    """What Gladia sends as `transcript`."""

    data: TranscriptData


@dataclass(slots=True)
class Utterances:
    """One session's utterances.

    :param least_confidence: a final text that is less sure has none
    """

    least_confidence: float
    _open: dict[str, Recognised] = field(default_factory=dict)
    """The partial results of utterances that have no final one."""
    _held: list[Recognised] = field(default_factory=list)
    """Final results that began after one of those."""
    _ended: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def waits(self) -> bool:
        """There is an utterance without its final text."""
        return bool(self._open)

    def told(self, message: TranscriptMessage) -> list[Recognised]:
        """What a message tells: the earliest utterance that is not final, or final ones."""
        data = message.data
        if data.id in self._ended:
            return []
        result = _result(data, self.least_confidence)
        if data.is_final:
            return self._end(data.id, result)
        self._open[data.id] = result
        return [result] if result is self._earliest else []

    def give_up(self) -> list[Recognised]:
        """What is not final is taken for it."""
        for name, result in list(self._open.items()):
            self._ended.append(name)
            self._held.append(Recognised(result.text, result.start_ms, result.end_ms, True, words=result.words))
        self._open.clear()
        return self._released()

    @property
    def _earliest(self) -> Recognised | None:
        return min(self._open.values(), key=lambda result: result.start_ms, default=None)

    def _end(self, name: str, result: Recognised) -> list[Recognised]:
        self._open.pop(name, None)
        self._ended.append(name)
        self._held.append(result)
        return self._released()

    def _released(self) -> list[Recognised]:
        earliest = self._earliest
        ready = [result for result in self._held if earliest is None or result.start_ms < earliest.start_ms]
        self._held = [result for result in self._held if result not in ready]
        return sorted(ready, key=lambda result: result.start_ms)


def _result(data: TranscriptData, least_confidence: float) -> Recognised:
    utterance = data.utterance
    unsure = utterance.confidence is not None and utterance.confidence < least_confidence
    text = "" if data.is_final and unsure else utterance.text.strip()
    words = tuple(
        RecognisedWord(word.word.strip(), round(1000 * word.start), round(1000 * word.end)) for word in utterance.words
    )
    return Recognised(
        text,
        round(1000 * utterance.start),
        round(1000 * utterance.end),
        data.is_final,
        words=words if len(words) == len(text.split()) else (),
        confidence=utterance.confidence,
    )
