"""What an emulated transcriber makes of the audio that it gets.

An emulator has one ear per connection, pushes what the client sends, and makes partial and final results of `words`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np

from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from tests.providers.emulators.tone_words import WORD_MS, decode

_LOUD = 300
"""Root mean square, of 32768, from which a window of 10 ms is loud: some -41 dBFS."""
_WINDOW_MS = 10
_WINDOW_BYTES = SAMPLE_RATE * _WINDOW_MS // 1000 * SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word and its time, ms from the start of the audio."""

    text: str
    start_ms: int
    end_ms: int


class Ear(Protocol):
    """Hears words in audio."""

    def push(self, pcm: bytes) -> None:
        """The next audio: 8000 Hz mono s16le."""

    @property
    def words(self) -> list[HeardWord]:
        """All words so far, in order. A word is there when its audio is complete, and never changes."""
        ...

    @property
    def heard_ms(self) -> int:
        """How much audio came."""
        ...


MakeEar = Callable[[], Ear]
"""How an emulator gets the ear of a new connection."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Loud audio, with the quiet behind it."""

    start_ms: int
    end_ms: int
    pcm: bytes


class Stretches:
    """Finds loud stretches of audio; quiet of `gap_ms` ends one."""

    def __init__(self, gap_ms: int) -> None:
        self._gap_ms = gap_ms
        self._rest = b""
        self.heard_ms = 0
        self.start_ms: int | None = None
        """Where the current stretch began, None while there is none."""
        self._loud_until_ms = 0
        self._pcm = bytearray()

    def push(self, pcm: bytes) -> list[Stretch]:
        """The next audio. Returns the stretches that ended."""
        self._rest += pcm
        ended = []
        while len(self._rest) >= _WINDOW_BYTES:
            window, self._rest = self._rest[:_WINDOW_BYTES], self._rest[_WINDOW_BYTES:]
            if (stretch := self._window(window)) is not None:
                ended.append(stretch)
        return ended

    def _window(self, window: bytes) -> Stretch | None:
        samples = np.frombuffer(window, dtype="<i2").astype(np.float32)
        if np.sqrt(np.mean(samples**2)) >= _LOUD:
            self.start_ms = self.heard_ms if self.start_ms is None else self.start_ms
            self._loud_until_ms = self.heard_ms + _WINDOW_MS
        self.heard_ms += _WINDOW_MS
        if self.start_ms is None:
            return None
        self._pcm += window
        if self.heard_ms - self._loud_until_ms < self._gap_ms:
            return None
        stretch = Stretch(self.start_ms, self._loud_until_ms, bytes(self._pcm))
        self.start_ms = None
        self._pcm.clear()
        return stretch


class ToneEar:
    """Hears the words of `tone_words`. A word that was not heard whole is none.

    :param word_ms: how long a word was said
    """

    def __init__(self, word_ms: int = WORD_MS) -> None:
        self._word_ms = word_ms
        self._stretches = Stretches(gap_ms=20)
        self._words: list[HeardWord] = []

    @property
    def heard_ms(self) -> int:
        """How much audio came."""
        return self._stretches.heard_ms

    @property
    def words(self) -> list[HeardWord]:
        """All words so far."""
        return list(self._words)

    def push(self, pcm: bytes) -> None:
        """The next audio."""
        for stretch in self._stretches.push(pcm):
            for text, start, end in decode(stretch.pcm, self._word_ms):
                self._words.append(HeardWord(text, stretch.start_ms + start, stretch.start_ms + end))


@dataclass(frozen=True, slots=True)
class Line:
    """What is said in a stretch of speech, and how long that takes. Word i of n is complete after i/n of the time."""

    text: str
    ms: int


class ScriptedEar:
    """Its n-th stretch of loud audio is the n-th line, whatever it sounds like: for calls with real speech.

    Words come one by one while the stretch goes on; when it ends, those that are left come at once. After the last line
    it hears nothing.

    :param lines: a text alone is spoken at five words a second, so that no stretch is shorter
    :param gap_ms: quiet that ends a stretch; longer than the pauses inside of a line
    """

    def __init__(self, lines: Sequence[str | Line], *, gap_ms: int = 700) -> None:
        self._lines = [Line(line, 200 * len(line.split())) if isinstance(line, str) else line for line in lines]
        self._stretches = Stretches(gap_ms)
        self._ended = 0
        self._told: list[HeardWord] = []
        self._told_of_line = 0

    @property
    def heard_ms(self) -> int:
        """How much audio came."""
        return self._stretches.heard_ms

    @property
    def words(self) -> list[HeardWord]:
        """All words so far."""
        return list(self._told)

    def push(self, pcm: bytes) -> None:
        """The next audio."""
        for stretch in self._stretches.push(pcm):
            self._tell(stretch.start_ms, until=None, end=stretch.end_ms)
            self._ended += 1
            self._told_of_line = 0
        if self._stretches.start_ms is not None:
            self._tell(self._stretches.start_ms, until=self.heard_ms, end=0)

    def _tell(self, start: int, *, until: int | None, end: int) -> None:
        """The words of the current line that are complete by `until`, or all of them, which then end by `end`."""
        line = self._lines[self._ended] if self._ended < len(self._lines) else Line("", 0)
        texts = line.text.split()
        for number, text in islice(enumerate(texts), self._told_of_line, None):
            first, last = (start + line.ms * index // len(texts) for index in (number, number + 1))
            if until is not None and last > until:
                return
            if until is None and last > end:
                last = max(end, first, self._told[-1].end_ms + 1 if self._told else 1)
                first = min(first, last - 1)
            self._told.append(HeardWord(text, first, last))
            self._told_of_line = number + 1
