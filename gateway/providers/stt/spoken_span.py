"""Where in the audio a text was spoken, for providers that do not tell.

Sound is what is within 20 dB of the loudest. The words of a text share the time that has sound, so that no pause is
given to a word; where there is more of it than any speaker would need (a noisy line) they take the end, for text is
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
_SPEECH_SHARE = 0.3
_PAUSE_FRAMES = 60 // FRAME_MS
_FAINT = 120
"""Root mean square, of 32768, below which nothing is sound: some -49 dBFS."""
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
        """The words of a text that was spoken in this audio."""
        sound = self._sound()[-(_MS_PER_CHARACTER * (len(text) + 1) // FRAME_MS) :]
        texts = text.split()
        whole = sum(len(word) + 1 for word in texts)
        at, words = 0, []
        for word in texts:
            start, at = at, at + len(word) + 1
            share = len(sound) * FRAME_MS
            words.append(
                RecognisedWord(word, self._begin(sound, share * start // whole), self._end(sound, share * at // whole))
            )
        return tuple(words)

    @property
    def goes_on(self) -> bool:
        """There is no pause at its end: the last frames are nearly as loud as the loudest."""
        least = max(_FAINT, max(self._levels, default=0) * _SPEECH_SHARE)
        return any(level >= least for level in list(self._levels)[-_PAUSE_FRAMES:])

    @property
    def pause_ms(self) -> int:
        """How long it has been quiet after sound; 0 where there was none."""
        sound = self._sound()
        return self._end_ms - sound[-1] - FRAME_MS if sound else 0

    def copy(self) -> SpokenSpan:
        """As it is now."""
        copy = SpokenSpan(self._end_ms, self._rest)
        copy._levels.extend(self._levels)
        return copy

    def sound_ms(self, since_ms: int) -> int:
        """How much sound there is from `since_ms` on."""
        return sum(FRAME_MS for at_ms in self._sound() if at_ms >= since_ms)

    def _sound(self) -> list[int]:
        """The frames with sound, by the times at which they begin."""
        start_ms = self._end_ms - len(self._levels) * FRAME_MS
        least = max(_FAINT, max(self._levels, default=0) * _SHARE)
        return [start_ms + index * FRAME_MS for index, level in enumerate(self._levels) if level >= least]

    def _begin(self, sound: list[int], share_ms: int) -> int:
        """When so much of the sound is over, and more begins."""
        index = min(share_ms // FRAME_MS, len(sound) - 1)
        return sound[index] + share_ms - index * FRAME_MS if sound else self._end_ms

    def _end(self, sound: list[int], share_ms: int) -> int:
        """When so much of the sound is over."""
        index = min(max(0, share_ms - 1) // FRAME_MS, len(sound) - 1)
        return sound[index] + share_ms - index * FRAME_MS if sound else self._end_ms
