"""Sounds for provider tests that need no recording."""

from __future__ import annotations

import numpy as np

from gateway.media.audio import SAMPLE_RATE


def tone(hz: float, ms: int, amplitude: float = 0.3) -> bytes:
    """A sine, 8000 Hz s16le."""
    at = np.arange(ms * SAMPLE_RATE // 1000) / SAMPLE_RATE
    return (np.sin(2 * np.pi * hz * at) * amplitude * 32767).astype("<i2").tobytes()


def silence(ms: int) -> bytes:
    """Zeros, 8000 Hz s16le."""
    return bytes(ms * SAMPLE_RATE // 1000 * 2)
