"""Maps the words of a text to times of spoken words that come bit by bit.

`gateway.providers.tts.words` does this for a whole text. Here a word is told as soon as it is known, because its audio
is already on its way. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.providers.tts.words import TimedWord, bare, share

_AHEAD = 6
"""Words of the text that may have been left out before the one that was spoken."""


class StreamedWords:
    """The whitespace-separated words of a text, in order, with times that never go back.

    A voice rewrites the text ("$9.99" becomes "nine dollars and ninety nine cents"). A spoken word that is the next of
    the text, or one of those soon after it, is that word. The words in between share the time of what was spoken
    instead of them.
    """

    def __init__(self, text: str) -> None:
        self._wanted = text.split()
        self._told = 0
        self._unknown: list[TimedWord] = []
        self._end = 0.0

    def hear(self, spoken: Iterable[TimedWord]) -> list[TimedWord]:
        """Words of the text that are known now."""
        return [word for one in spoken for word in self._match(one)]

    def finish(self) -> list[TimedWord]:
        """The words that are left when all is spoken. Empty when no word was ever heard: they can only be guessed."""
        if not self._told and not self._unknown:
            return []
        return self._instead(self._wanted[self._told :], self._end)

    def _match(self, spoken: TimedWord) -> list[TimedWord]:
        skipped = self._distance(bare(spoken.text))
        if skipped is None:
            self._unknown.append(spoken)
            return []
        before = self._instead(self._wanted[self._told : self._told + skipped], spoken.start)
        start = max(spoken.start, self._end)
        self._end = max(spoken.end, start)
        word = TimedWord(self._wanted[self._told], start, self._end)
        self._told += 1
        return [*before, word]

    def _distance(self, spoken: str) -> int | None:
        ahead = self._wanted[self._told : self._told + _AHEAD]
        return next((index for index, word in enumerate(ahead) if bare(word) == spoken), None)

    def _instead(self, words: Sequence[str], until: float) -> list[TimedWord]:
        """Words that were spoken in another way, or not at all."""
        unknown, self._unknown = self._unknown, []
        self._told += len(words)
        if not words:
            return []
        start = max(unknown[0].start if unknown else until, self._end)
        self._end = max(unknown[-1].end if unknown else start, start)
        return share(words, start, self._end)
