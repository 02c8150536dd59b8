"""Something like speech for tests that need no words: syllables whose pitch and colour wander."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gateway.media.audio import SAMPLE_RATE, ms_to_samples

_SYLLABLE = 1600
_HARMONICS = 12


def murmur(milliseconds: int, *, seed: int, pitch: float = 120.0, amplitude: float = 4000) -> NDArray[np.int16]:
    """8000 Hz; two seeds share nothing."""
    dice = np.random.default_rng(seed)
    samples = ms_to_samples(milliseconds)
    places = np.arange(0, samples + _SYLLABLE, _SYLLABLE)
    here = np.arange(samples)
    frequency = np.interp(here, places, pitch * dice.uniform(0.8, 1.4, len(places)))
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    wave = sum(
        np.interp(here, places, dice.uniform(0.1, 1, len(places))) * np.sin(number * phase) / number
        for number in range(1, _HARMONICS + 1)
    )
    syllables = 0.15 + np.sin(np.pi * here / _SYLLABLE) ** 2
    breath = dice.standard_normal(samples) * 0.05
    murmured: NDArray[np.int16] = ((wave + breath) * syllables * amplitude).astype(np.int16)
    return murmured
