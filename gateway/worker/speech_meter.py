"""How the caller's speech sounds: how loud, compared with what is usual for this caller, and how much of it has pitch.

The usual level is learnt from the caller's own turns, while the agent is silent. Loudness is the level that the loudest
fifth of the frames exceed, with the power of the line's noise taken off: pauses within speech do not count.
"""

from __future__ import annotations

import audioop
import math
from dataclasses import dataclass, field

import numpy as np

from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE

_LOUDEST = 0.8
_FRAMES = 14
"""280 ms of speech can be measured: words begin softly."""
_TURN_FRAMES = 15
_TRUST = 0.5
"""Of a new turn, against all before it."""
_FLOOR_RISE = 0.01
_PITCH = 0.45
_LONGEST_PERIOD, _SHORTEST_PERIOD = SAMPLE_RATE // 80, SAMPLE_RATE // 400


@dataclass(slots=True)
class SpeechMeter:
    """One caller. Frames are 20 ms."""

    usual_db: float | None = None
    _noise: float | None = None
    """Power."""
    _powers: list[float] = field(default_factory=list)
    _pitched: int = 0
    _before: bytes = b""

    def begin(self) -> None:
        """Speech begins."""
        self._powers.clear()
        self._pitched = 0

    def silent(self, frame: bytes) -> None:
        """A frame in which nobody speaks: the line's noise."""
        power = float(audioop.rms(frame, SAMPLE_BYTES)) ** 2
        if self._noise is None or power < self._noise:
            self._noise = power
        else:
            self._noise += (power - self._noise) * _FLOOR_RISE
        self._before = frame

    def speaking(self, frame: bytes, *, pitch: bool) -> None:
        """A frame of speech. :param pitch: look for its pitch, which costs twenty times as much as its level"""
        self._powers.append(max(0.0, float(audioop.rms(frame, SAMPLE_BYTES)) ** 2 - (self._noise or 0.0)))
        self._pitched += pitch and has_pitch(self._before + frame)
        self._before = frame

    def learn(self) -> None:
        """The speech was the caller's, in a turn of their own."""
        if len(self._powers) >= _TURN_FRAMES:
            level = self._level_db()
            self.usual_db = level if self.usual_db is None else self.usual_db + (level - self.usual_db) * _TRUST

    @property
    def measurable(self) -> bool:
        """There is enough of it."""
        return len(self._powers) >= _FRAMES

    @property
    def over_usual_db(self) -> float | None:
        """Loudness against the usual one, None while that is not known."""
        return None if self.usual_db is None else self._level_db() - self.usual_db

    @property
    def voiced(self) -> float:
        """Share of frames with pitch."""
        return self._pitched / len(self._powers)

    def _level_db(self) -> float:
        return 10 * math.log10(max(float(np.quantile(self._powers, _LOUDEST)), 1.0))


def has_pitch(pcm: bytes) -> bool:
    """Whether 40 ms repeat themselves at the pace of a voice, 80 to 400 Hz."""
    wave = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    if len(wave) <= 2 * _LONGEST_PERIOD:
        return False
    wave = wave - wave.mean()
    head = wave[:-_LONGEST_PERIOD]
    windows = np.lib.stride_tricks.sliding_window_view(wave, len(head))[_SHORTEST_PERIOD:]
    powers = np.einsum("ij,ij->i", windows, windows) * np.dot(head, head)
    return bool(np.max(windows @ head / np.sqrt(np.maximum(powers, 1.0))) > _PITCH)
