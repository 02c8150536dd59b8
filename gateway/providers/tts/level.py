"""Brings a voice to the level that telephones are made for, and takes the silence off its ends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

_SPEECH_RMS = 10 ** (-20 / 20)
"""-20 dBFS while speaking. Nominal speech in ITU-T P.56's terms is -26 dBov; telephone prompts are louder."""
_PEAK = 0.9
_BLOCK_MS = 10
_QUIET = 10 ** (-50 / 20)
_LARGEST_GAIN = 4.0


def to_telephone_level(samples: Samples, rate: int) -> npt.NDArray[np.int16]:
    """Signed 16-bit samples whose loud parts have an RMS of -20 dBFS, never clipped."""
    blocks = _block_levels(samples, rate)
    loud = blocks[blocks > blocks.max(initial=0) * 10 ** (-25 / 20)]
    level = float(np.sqrt(np.mean(loud**2))) if loud.size else 0.0
    if level <= 0:
        return np.zeros(len(samples), dtype=np.int16)
    gain = min(_SPEECH_RMS / level, _LARGEST_GAIN, _PEAK / float(np.abs(samples).max()))
    return np.round(samples * (gain * 32767)).astype(np.int16)


def silent_ends(samples: Samples, rate: int) -> tuple[int, int]:
    """Samples of silence (below -50 dBFS) at the start and at the end; a silent piece is all start."""
    block = rate * _BLOCK_MS // 1000
    speaking = np.flatnonzero(_block_levels(samples, rate) > _QUIET)
    if not speaking.size:
        return len(samples), 0
    return int(speaking[0]) * block, max(0, len(samples) - (int(speaking[-1]) + 1) * block)


def _block_levels(samples: Samples, rate: int) -> Samples:
    """RMS of each whole block of 10 ms."""
    block = rate * _BLOCK_MS // 1000
    whole = samples[: len(samples) // block * block].reshape(-1, block)
    levels: Samples = np.sqrt(np.mean(whole**2, axis=1, dtype=np.float32))
    return levels
