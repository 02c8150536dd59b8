"""The speech of whoever holds the telephone, apart from voices behind him: a television, others in the room.

The detector takes both for speech, so that somebody who says hello in front of a television never falls silent. What is
much softer than the loudest speech so far is background here.
"""

from __future__ import annotations

import audioop
import math
from collections import deque
from collections.abc import Iterable

from gateway.conversation.events import SpeechEnded, SpeechStarted
from gateway.conversation.speech import SpeechEdge
from gateway.media.audio import FRAME_BYTES, FRAME_MS, SAMPLE_BYTES

BELOW_DB = 13.0
"""Under the loudest speech: the soft words of one speaker are nearer to his loud ones."""
QUIET_MS = 450
"""Softer for so long, and he has stopped. Without a background the detector finds the end sooner."""
AGAIN_FRAMES = 3
SAME_ONSET_MS = 200
"""The level, a mean, follows the detector's onset within this time."""
_SMOOTH_FRAMES = 5


class Foreground:
    """Edges of speech in, edges of the nearest speaker out. Push each frame's audio, then the detector's edges."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=_SMOOTH_FRAMES)
        self._peak_db = 0.0
        self._near_ms = 0
        self._near_frames = 0
        self._speech = False
        self._started = SpeechStarted(0, 0)
        self._told = False

    def push(self, pcm: bytes, at_ms: int, edges: Iterable[SpeechEdge]) -> list[SpeechEdge]:
        """20 ms frames that start at `at_ms` of the call clock, and the edges that the detector found in them."""
        for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES):
            at_ms += FRAME_MS
            self._hear(pcm[start : start + FRAME_BYTES], at_ms)
        told: list[SpeechEdge] = []
        for edge in edges:
            told += self._edge(edge)
        return told + self._by_level(at_ms)

    def _hear(self, frame: bytes, end_ms: int) -> None:
        self._levels.append(20 * math.log10(audioop.rms(frame, SAMPLE_BYTES) + 1))
        level = sum(self._levels) / len(self._levels)
        if self._speech:
            self._peak_db = max(self._peak_db, level)
        if level > self._peak_db - BELOW_DB:
            self._near_ms, self._near_frames = end_ms, self._near_frames + 1
        else:
            self._near_frames = 0

    def _edge(self, edge: SpeechEdge) -> list[SpeechEdge]:
        if isinstance(edge, SpeechStarted):
            self._speech, self._started = True, edge
            # The level is not compared before the detector has heard speech: whatever begins may be he.
            fresh, self._told = not self._told, self._told or self._near_frames > 0
            return [edge] if fresh and self._told else []
        if isinstance(edge, SpeechEnded):
            self._speech = False
            told, self._told = self._told, False
            return [edge] if told else []
        return [edge] if self._told else []

    def _by_level(self, now: int) -> list[SpeechEdge]:
        if not self._speech:
            return []
        if self._told and now - self._near_ms >= QUIET_MS:
            self._told = False
            return [SpeechEnded(now, self._near_ms)]
        if not self._told and self._near_frames >= AGAIN_FRAMES:
            self._told = True
            return [SpeechStarted(now, self._onset(now))]
        return []

    def _onset(self, now: int) -> int:
        """Of the foreground: the detector's, when that is what just began."""
        if now - self._started.at <= SAME_ONSET_MS:
            return self._started.onset_ms
        return now - self._near_frames * FRAME_MS
