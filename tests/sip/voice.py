"""Something that webrtcvad takes for speech, and whether something is heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gateway.media.audio import SAMPLE_RATE, ms_to_samples


def voice(milliseconds: int, *, rate: int = SAMPLE_RATE, amplitude: float = 6000) -> NDArray[np.int16]:
    """A vowel: harmonics of 140 Hz. PCM at `rate`, one dimension."""
    time = np.arange(ms_to_samples(milliseconds) * rate // SAMPLE_RATE) / rate
    harmonics = np.arange(1, 16)[:, None]
    tone = (np.sin(2 * np.pi * 140 * harmonics * time) / harmonics).sum(axis=0)
    result: NDArray[np.int16] = (amplitude * tone / 2).astype(np.int16)
    return result


def loud(pcm: bytes) -> bool:
    """More than the noise of a line."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    return bool(np.sqrt(np.mean(samples**2)) > 100)
