"""Which words of a transcript the audio so far holds.

The session tells the text of what it speaks ahead of the audio, and no times. A word is told with the audio that it
should be in at the pace of what the session said before, at first that of an unhurried voice; those that are left are
told with the end. So an answer that breaks off does not claim words without sound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.conversation.heard import SAMPLES_PER_CHARACTER

_WORD = re.compile(r"\S+(?=\s)")


@dataclass(slots=True)
class Pace:
    """How fast a session speaks."""

    samples: int = 0
    characters: int = 0

    @property
    def samples_per_character(self) -> float:
        """By all that was said to its end."""
        return self.samples / self.characters if self.characters else SAMPLES_PER_CHARACTER


@dataclass(slots=True)
class Speech:
    """One item's text and audio."""

    pace: Pace
    text: str = ""
    samples: int = 0
    _told: int = 0

    def hear(self, samples: int) -> str:
        """So much more audio came; returns the words that go along with it."""
        self.samples += samples
        begin = self._told
        for word in _WORD.finditer(self.text, begin):
            # the first word goes along with the first audio: an utterance says something
            if self._told and word.end() * self.pace.samples_per_character > self.samples:
                break
            self._told = word.end()
        return " ".join(self.text[begin : self._told].split())

    def rest(self) -> str:
        """The item is complete: all words that are left."""
        if self.samples:
            self.pace.samples += self.samples
            self.pace.characters += len(self.text)
        left, self._told = self.text[self._told :], len(self.text)
        return " ".join(left.split())
