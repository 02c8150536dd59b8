"""What a caller hears of a voice: its chunks laid on the time at which they came."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise

from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import SpokenWord, VoiceChunk
from tests.providers.emulators.tone_words import ToneWord, hear


@dataclass
class Heard:
    """Audio as it is played: what comes late has silence before it."""

    pcm: bytes = b""
    words: list[SpokenWord] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """Seconds of silence because audio was late."""
    samples: int = 0
    _ends: float | None = None

    def add(self, chunk: VoiceChunk, now: float) -> None:
        """A chunk that came."""
        if self._ends is not None and now > self._ends:
            self.late.append(now - self._ends)
            self.pcm += bytes(2 * round((now - self._ends) * SAMPLE_RATE))
        self._ends = max(now, self._ends or now) + len(chunk.pcm) / 2 / SAMPLE_RATE
        self.pcm += chunk.pcm
        self.words += chunk.words
        self.samples += len(chunk.pcm) // 2

    @property
    def tones(self) -> list[ToneWord]:
        """All that sounds like a word or a part of one."""
        return hear(self.pcm)

    @property
    def texts(self) -> list[str]:
        """The words that were heard whole."""
        return [word.text for word in self.tones if word.whole]

    @property
    def fragments(self) -> int:
        """Words that were heard in part."""
        return sum(not word.whole for word in self.tones)

    @property
    def gap_ms(self) -> int:
        """The longest silence between two words."""
        tones = self.tones
        return max((later.start_ms - word.end_ms for word, later in pairwise(tones)), default=0)


async def listen(chunks: AsyncIterator[VoiceChunk]) -> Heard:
    """Hear all of it."""
    heard = Heard()
    async for chunk in chunks:
        heard.add(chunk, time.monotonic())
    return heard
