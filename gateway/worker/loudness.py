"""Which frames of a caller's audio are loud enough to be speech: against the line's noise and against his own level.

A voice activity network is sure that speech is there, but late and vague about where it ends: its window, its memory
and its hangover. The level of a frame is neither. On 147 ends of clean telephone speech (`bench.turn_ends`) the last
loud frame lay 0 ms from the true end in the median (-56 and +13 ms at 5 and 95 %), the network's last speech window
60 ms after it.
"""

from __future__ import annotations

import audioop
import math
from collections import deque

from gateway.media.audio import SAMPLE_BYTES

ABOVE_NOISE_DB = 4.0
"""Over the mean of the noise, where it has been heard without speech."""
ABOVE_FLOOR_DB = 9.0
"""Over the quietest 60 ms of the last four seconds, where it has not: a mean is about 5 dB above such a minimum."""
BELOW_SPEECH_DB = 30.0
"""Under the caller's loudest frames: room and echo, not speech."""
_QUIET_DB = 30.0
"""Of a line on which nothing was heard yet."""
_FLOOR_FRAMES = 200
_SMOOTH_FRAMES = 3
_FORGET_DB = 0.15
"""Per frame: the level of the speech is forgotten by 7.5 dB a second."""
_NOISE_SHARE = 0.05
_QUIET_FRAMES = 10
"""So long after speech a frame is noise."""


class Loudness:
    """Follows the levels of noise and speech of one call."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=_SMOOTH_FRAMES)
        self._smooth: deque[float] = deque([_QUIET_DB], maxlen=_FLOOR_FRAMES)
        self._speech_db = 0.0
        self._noise_db: float | None = None
        self._silent_frames = 0

    def push(self, frame: bytes, *, speech: bool) -> bool:
        """Whether a 20 ms frame is loud. `speech`: the detector takes the sound just before it for speech."""
        level = 20 * math.log10(audioop.rms(frame, SAMPLE_BYTES) + 1)
        self._levels.append(level)
        self._smooth.append(sum(self._levels) / len(self._levels))
        self._speech_db = max(level, self._speech_db - _FORGET_DB)
        self._silent_frames = 0 if speech else self._silent_frames + 1
        if self._silent_frames >= _QUIET_FRAMES:
            self._noise_db = (
                level if self._noise_db is None else self._noise_db + (level - self._noise_db) * _NOISE_SHARE
            )
        return level > max(self._noise_bound, self._speech_db - BELOW_SPEECH_DB)

    @property
    def _noise_bound(self) -> float:
        if self._noise_db is None:
            return min(self._smooth) + ABOVE_FLOOR_DB
        return self._noise_db + ABOVE_NOISE_DB
