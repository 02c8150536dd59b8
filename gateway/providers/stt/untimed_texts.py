"""Texts of a server that tells neither times nor ids, as results. Pure.

When a final text is waited for in vain, the partial one is taken for it. What the server tells afterwards still begins
with those words, more or less as they were; here they are told once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import SequenceMatcher

from gateway.media.audio import SAMPLE_BYTES, samples_to_ms
from gateway.providers.stt.connection import Recognised
from gateway.providers.stt.spoken_span import SpokenSpan

_ALIKE = 0.6
"""Share of the characters by which two recognitions of the same words are known."""
_AT_ONCE_MS = 100
"""So much audio after a final text nothing else was said: the same text again is the same text."""


@dataclass(slots=True)
class UntimedTexts:
    """One connection's texts. Times are ms from the start of its audio."""

    sent_ms: int = 0
    _spoken: SpokenSpan = field(default_factory=SpokenSpan)
    _taken: list[str] = field(default_factory=list)
    """Words of a partial text that was taken for final."""
    _explained_ms: int = 0
    _final: str = ""
    _final_at_ms: int = 0

    def push(self, pcm: bytes) -> None:
        """Audio that was sent: 8000 Hz mono s16le."""
        self.sent_ms += samples_to_ms(len(pcm) // SAMPLE_BYTES)
        self._spoken.push(pcm)

    @property
    def unexplained_ms(self) -> int:
        """Sound that came after the last text."""
        return self._spoken.sound_ms(self._explained_ms)

    def partial(self, text: str) -> Recognised | None:
        """A text that may change; None where it tells nothing new."""
        just_told = self.sent_ms - self._final_at_ms <= _AT_ONCE_MS and self._final.startswith(text)
        return None if just_told else self._placed(self._rest(text), final=False)

    def final(self, text: str) -> Recognised | None:
        """A text that will not change; None where it was told already."""
        if text == self._final and self.sent_ms - self._final_at_ms <= _AT_ONCE_MS:
            return None
        self._final, self._final_at_ms = text, self.sent_ms
        rest = self._rest(text)
        told = bool(self._taken) and not rest
        self._taken = []
        if told:
            return None
        result = self._placed(rest, final=True)
        self._spoken = self._spoken.next()
        return result

    def taken(self, text: str) -> None:
        """A partial text was taken for final."""
        self._taken += text.split()
        self._spoken = self._spoken.next()

    def _rest(self, text: str) -> str:
        """The text without the words that were taken already."""
        words = text.split()
        beginning = words[: len(self._taken)]
        matcher = SequenceMatcher(None, " ".join(self._taken).casefold(), " ".join(beginning).casefold())
        return " ".join(words[len(beginning) :]) if self._taken and matcher.ratio() >= _ALIKE else text

    def _placed(self, text: str, *, final: bool) -> Recognised:
        self._explained_ms = self.sent_ms
        words = self._spoken.words(text)
        start_ms = words[0].start_ms if words else self.sent_ms
        return Recognised(text, start_ms, self.sent_ms, final, words=words)
