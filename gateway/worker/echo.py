"""The agent's own voice in the caller's audio: found by its likeness, then known by its delay and loss.

Two things are done. Every 100 ms, while the agent sounds and the line is not silent, the last 320 ms of the caller are
laid over what the agent sounded like up to 300 ms before; where one delay explains most of it, that is the echo path of
this call. And each frame that is no louder than the path makes the agent's voice at its delay is echo, from then on at
once: the caller is louder. So echo is kept from the detector, and the caller's words over it are not.

Likeness is the normalised correlation of the two, with the high frequencies raised. Speech of two people reached 0.33
on the overlaps of `bench/overlaps` (held: 2560 samples, 2400 delays), echo 0.55 and more down to 24 dB below the agent.
"""

from __future__ import annotations

import audioop
import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from gateway.media.audio import FRAME_MS, FRAME_SAMPLES, SAMPLE_BYTES
from gateway.worker.agent_audio import AgentAudio, Wave

LONGEST_LAG = 2400
"""300 ms."""
WINDOW_FRAMES = 16
_WINDOW = WINDOW_FRAMES * FRAME_SAMPLES
_FFT = 8192
_LIKE, _LIKE_SHORT, _LIKE_SURE = 0.5, 0.65, 0.75
_SAME_LAG = 16
_SHORTEST_FRAMES, _SURE_FRAMES = 5, 10
_LOOK_FRAMES = 5
_QUIET_RMS = 30
"""-60 dBFS: below it is silence on any line."""
_OVER_NOISE = 1.12
"""1 dB."""
_LOUDER = 2.0
"""What is louder than the echo should be by this factor is not echo alone."""
_GAIN_RISE = 1.05
_ABOVE_FRAMES, _OPEN_FRAMES = 2, 8
_BLUR = 64
"""An echo path smears by this many samples."""
_EXPLAINED = 0.8
_BAND_GAIN = 4.0
"""Of `_brightened`, on the power of white noise."""
_LEAST_REST = 0.15
_NOISE_FRAMES = 75
"""The quietest frame of 1.5 s is the line's own noise: speech dips within it."""


@dataclass(frozen=True, slots=True)
class EchoPath:
    """The line returns our audio `lag` samples later, `gain` times as strong. `likeness` is 0 to 1."""

    lag: int
    gain: float
    likeness: float

    def after(self, found: EchoPath) -> EchoPath:
        """The path, when it was found once more. A caller who begins to speak makes the echo seem louder than it is: so
        its gain falls at once, and rises slowly."""
        if abs(found.lag - self.lag) > _BLUR:
            return found
        gain = (found.gain + self.gain) / 2 if found.gain < self.gain else min(found.gain, self.gain * _GAIN_RISE)
        return EchoPath(found.lag, gain, found.likeness)

    @property
    def loss_db(self) -> float:
        """How much weaker it comes back."""
        return -20 * math.log10(max(self.gain, 1e-5))


def find_echo(caller: Wave, agent: Wave, *, noise: float = 0.0) -> EchoPath | None:
    """The delay at which `agent` is most like `caller`; None when one of them is silent.

    :param agent: as many samples, after `LONGEST_LAG` more that came before; both end at the same instant
    :param noise: RMS of the line's own noise in `caller`, taken for white
    """
    near, far = _brightened(caller), _brightened(agent)
    spectrum = np.fft.rfft(far, _FFT) * np.conj(np.fft.rfft(near, _FFT))
    product = np.fft.irfft(spectrum, _FFT)[: LONGEST_LAG + 1]
    sums = np.concatenate([[0.0], np.cumsum(far.astype(np.float64) ** 2)])
    power = sums[len(near) : len(near) + LONGEST_LAG + 1] - sums[: LONGEST_LAG + 1]
    # of the noise only what exceeds its average is unlike the agent; but a small rest of loud noise proves nothing
    all_power = float(np.dot(near, near))
    near_power = max(all_power - _BAND_GAIN * noise**2 * len(near), _LEAST_REST * all_power)
    likeness = np.abs(product) / np.sqrt(np.maximum(power * near_power, 1.0))
    best = int(np.argmax(likeness))
    if near_power <= 0 or power[best] <= 0:
        return None
    segment = agent[best : best + len(caller)]
    power_left = max(float(np.dot(caller, caller)) - noise**2 * len(caller), 0.0)
    gain = math.sqrt(power_left / max(float(np.dot(segment, segment)), 1.0))
    return EchoPath(LONGEST_LAG - best, gain, float(likeness[best]))


def _brightened(wave: Wave) -> Wave:
    """The band around 1.5 kHz, where voices differ most and the line still passes them."""
    return np.convolve(wave, np.array([1, 1, -1, -1], dtype=np.float32), "same")


class EchoEar:
    """One call's echo. Feed it every frame of the caller."""

    def __init__(self, agent: AgentAudio) -> None:
        self._agent = agent
        self._frames: deque[bytes] = deque(maxlen=WINDOW_FRAMES)
        self._levels: deque[int] = deque(maxlen=WINDOW_FRAMES)
        self._echo: deque[bool] = deque(maxlen=WINDOW_FRAMES)
        self._since_look = 0
        self._lately: deque[int] = deque(maxlen=_NOISE_FRAMES)
        self._noise = 0.0
        self._above = self._open_frames = 0
        self._candidate: EchoPath | None = None
        self._seen = 0
        self.path: EchoPath | None = None
        self.echoing = False
        """What sounded lately is explained by the path."""

    def push(self, frame: bytes, start: int) -> bool:
        """Whether a frame that starts at sample `start` of the call is nothing but echo."""
        self._frames.append(frame)
        sounded = self._agent.sounded(start - LONGEST_LAG, start + FRAME_SAMPLES)
        level = audioop.rms(frame, SAMPLE_BYTES)
        self._lately.append(level)
        self._noise = float(min(self._lately))
        self._levels.append(level)
        self._echo.append(self._is_echo(level, start))
        self._since_look += 1
        self.echoing = False
        if sounded and self._since_look >= _LOOK_FRAMES and self._loud() >= _SHORTEST_FRAMES:
            self._look(start + FRAME_SAMPLES)
        caller_too = self._caller_too(level)
        return self._echo[-1] and not caller_too

    def _caller_too(self, level: int) -> bool:
        """The caller speaks over the echo: their quieter frames belong to it."""
        above = self._is_loud(level) and not self._echo[-1]
        self._above = self._above + 1 if above else 0
        if self._above >= _ABOVE_FRAMES:
            self._open_frames = _OPEN_FRAMES
        elif self._open_frames:
            self._open_frames -= 1
        return self._open_frames > 0

    def _believe(self, found: EchoPath) -> bool:
        """Whether it is echo: the very same delay is found again, or the likeness is great."""
        same = self._candidate is not None and abs(found.lag - self._candidate.lag) <= _SAME_LAG
        self._seen = self._seen + 1 if same else 1
        self._candidate = found
        known = self.path is not None and abs(found.lag - self.path.lag) <= _SAME_LAG
        if known or self._seen > 1:
            return found.likeness >= (_LIKE if self._loud() >= _SURE_FRAMES else _LIKE_SHORT)
        return found.likeness >= _LIKE_SURE and self._loud() >= _SURE_FRAMES

    def _loud(self) -> int:
        return sum(self._is_loud(level) for level in self._levels)

    def _is_loud(self, level: int) -> bool:
        return level > max(_QUIET_RMS, self._noise * _OVER_NOISE)

    def _is_echo(self, level: int, start: int) -> bool:
        path = self.path
        if path is None or not self._is_loud(level):
            return False
        return level < math.hypot(_LOUDER * self._expected(path, start), _OVER_NOISE * self._noise)

    def _expected(self, path: EchoPath, start: int) -> float:
        """RMS that the echo should have in the frame that starts at `start`."""
        begin = start - path.lag - _BLUR
        wave = self._agent.cut(begin, begin + FRAME_SAMPLES + 2 * _BLUR)
        pieces = (wave[at : at + FRAME_SAMPLES] for at in (0, _BLUR, 2 * _BLUR))
        return path.gain * math.sqrt(max(float(np.dot(piece, piece)) for piece in pieces) / FRAME_SAMPLES)

    def _look(self, end: int) -> None:
        """Search for the path in what was heard up to sample `end`, and see what it explains."""
        self._since_look = 0
        caller = np.frombuffer(b"".join(self._frames), dtype="<i2").astype(np.float32)
        start = end - len(caller)
        found = find_echo(caller, self._agent.cut(start - LONGEST_LAG, end), noise=self._noise)
        if found is None or not self._believe(found):
            return
        self.path = found if self.path is None else self.path.after(found)
        starts = range(start, end, FRAME_SAMPLES)
        echo = [self._is_echo(level, at) for level, at in zip(self._levels, starts, strict=True)]
        self._echo = deque(echo, maxlen=WINDOW_FRAMES)
        loud = [known for level, known in zip(self._levels, echo, strict=True) if self._is_loud(level)]
        self.echoing = sum(loud) >= _EXPLAINED * len(loud) and all(loud[-2:])


LOOK_MS = _LOOK_FRAMES * FRAME_MS
