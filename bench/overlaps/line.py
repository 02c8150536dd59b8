"""The caller's telephone line: what they say, their room, the echo of the agent, and 8 kHz µ-law."""

from __future__ import annotations

import audioop
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.media.audio import FRAME_SAMPLES, SAMPLE_RATE
from tests.peers.speech import Samples

_QUIET_DBFS = -62.0
_SPEECH_BINS = slice(19, 103)
"""150 to 800 Hz of 1024 points: there speech has its power, and there the loss is meant."""
_TAPS = 80
"""10 ms: a hybrid, or a handset's loudspeaker."""


@dataclass(frozen=True, slots=True)
class Echo:
    """The far end returns the agent's audio `delay_ms` later and `loss_db` weaker, a little blurred."""

    delay_ms: int
    loss_db: float
    seed: int


class Line:
    """One call's line, 20 ms at a time. Noise is `snr_db` below `speech_dbfs`, None for a clean line."""

    def __init__(self, *, speech_dbfs: float, snr_db: float | None, echo: Echo | None, seed: int) -> None:
        self._dice = np.random.default_rng(seed)
        self._noise_rms = 32768 * 10 ** ((_QUIET_DBFS if snr_db is None else speech_dbfs - snr_db) / 20)
        self._response = _response(echo) if echo is not None else np.zeros(1)
        self._sent = np.zeros(len(self._response) + FRAME_SAMPLES - 1)
        self._near: list[tuple[int, Samples]] = []
        self._now = 0

    def say(self, sound: Samples, at: int) -> None:
        """The caller's side sounds from sample `at` of the call on."""
        self._near.append((at, sound))

    def frame(self, agent: bytes) -> bytes:
        """What the gateway receives while it sends this frame."""
        mixed = self._dice.standard_normal(FRAME_SAMPLES) * self._noise_rms + self._echo(agent)
        for at, sound in self._near:
            first, last = max(at, self._now), min(at + len(sound), self._now + FRAME_SAMPLES)
            if first < last:
                mixed[first - self._now : last - self._now] += sound[first - at : last - at]
        self._now += FRAME_SAMPLES
        pcm = np.clip(mixed, -32768, 32767).astype("<i2").tobytes()
        return audioop.ulaw2lin(audioop.lin2ulaw(pcm, 2), 2)

    def _echo(self, agent: bytes) -> npt.NDArray[np.float64]:
        """Of what was sent before this tick: nothing comes back sooner."""
        echoed = np.convolve(self._sent, self._response, "valid")
        self._sent = np.concatenate([self._sent[FRAME_SAMPLES:], np.frombuffer(agent, dtype="<i2")])
        return np.asarray(echoed)


def _response(echo: Echo) -> npt.NDArray[np.float64]:
    """Impulse response after the first 20 ms."""
    dice = np.random.default_rng(echo.seed)
    tail = dice.standard_normal(_TAPS) * np.exp(-np.arange(_TAPS) / 12) * 0.4
    tail[0] = 1
    blurred = np.convolve(tail, [0.25, 0.5, 0.25])
    spectrum = np.abs(np.fft.rfft(blurred, 1024))[_SPEECH_BINS]
    blurred *= 10 ** (-echo.loss_db / 20) / np.sqrt(np.mean(spectrum**2))
    return np.concatenate([np.zeros(echo.delay_ms * SAMPLE_RATE // 1000 - FRAME_SAMPLES), blurred])
