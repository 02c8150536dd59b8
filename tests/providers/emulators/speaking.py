"""How voices' emulators speak: tone words, cut into pieces, as fast as a provider synthesises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from tests.providers.emulators.tone_words import GAP_MS, WORD_MS, encode


@dataclass(frozen=True, slots=True)
class Speaking:
    """:param word_ms, gap_ms: how long words and the silences behind them are
    :param chunk_ms: audio in a piece
    :param first_seconds: until the first piece
    :param pace: how many times faster than real time the pieces come; 0 for all at once"""

    word_ms: int = WORD_MS
    gap_ms: int = GAP_MS
    chunk_ms: int = 100
    first_seconds: float = 0.0
    pace: float = 0.0

    def pcm(self, text: str) -> bytes:
        """The text as 8000 Hz mono s16le."""
        return encode(text, self.word_ms, self.gap_ms)

    async def pieces(self, audio: bytes, bytes_per_ms: float) -> AsyncGenerator[bytes, None]:
        """The audio, in any encoding, piece by piece."""
        size = max(1, round(self.chunk_ms * bytes_per_ms))
        await asyncio.sleep(self.first_seconds)
        for start in range(0, len(audio), size):
            yield audio[start : start + size]
            await asyncio.sleep(self.chunk_ms / 1000 / self.pace if self.pace else 0)
