"""Where in the audio a text was spoken, for providers that do not tell.

Speech is what is within 20 dB of the loudest; of a long stretch of it (a noisy line) a text takes the end, for text is
asked for when the speaker has stopped. 8000 Hz mono s16le; times are ms from the start of the audio.
"""

from __future__ import annotations

import audioop
from collections import deque

from gateway.media.audio import FRAME_BYTES, FRAME_MS, SAMPLE_BYTES
from gateway.providers.stt.connection import RecognisedWord

_SHARE = 0.1
"""Of the loudest frame's amplitude."""
_MS_PER_CHARACTER = 200
"""Slow speech has some 150."""
_FRAMES = 90_000 // FRAME_MS


class SpokenSpan:
    """The audio since the last text.

    :param start_ms: where it begins
    """

    def __init__(self, start_ms: int = 0, rest: bytes = b"") -> None:
        self._levels: deque[int] = deque(maxlen=_FRAMES)
        self._rest = rest
        self._end_ms = start_ms

    def push(self, pcm: bytes) -> None:
        """The next audio."""
        self._rest += pcm
        whole = len(self._rest) // FRAME_BYTES * FRAME_BYTES
        for at in range(0, whole, FRAME_BYTES):
            self._levels.append(audioop.rms(self._rest[at : at + FRAME_BYTES], SAMPLE_BYTES))
        self._end_ms += whole // FRAME_BYTES * FRAME_MS
        self._rest = self._rest[whole:]

    def next(self) -> SpokenSpan:
        """The audio that follows."""
        return SpokenSpan(self._end_ms, self._rest)

    def words(self, text: str) -> tuple[RecognisedWord, ...]:
        """The words of a text that was spoken in this audio, each with its share of the time."""
        first, last = self._of(text)
        texts = text.split()
        whole = sum(len(word) + 1 for word in texts)
        at, words = 0, []
        for word in texts:
            start, at = at, at + len(word) + 1
            share = ((last - first) * start // whole, (last - first) * at // whole)
            words.append(RecognisedWord(word, first + share[0], first + share[1]))
        return tuple(words)

    def _of(self, text: str) -> tuple[int, int]:
        start_ms = self._end_ms - len(self._levels) * FRAME_MS
        least = max(self._levels, default=0) * _SHARE
        loud = [index for index, level in enumerate(self._levels) if level >= least > 0]
        if not loud:
            return self._end_ms, self._end_ms
        first, last = start_ms + loud[0] * FRAME_MS, start_ms + (loud[-1] + 1) * FRAME_MS
        return max(first, last - _MS_PER_CHARACTER * (len(text) + 1)), last
