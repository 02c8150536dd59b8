"""Streaming resampling that hardly waits.

soxr's own filters hold back 40 to 170 ms in a stream, which a caller would hear as delay in each direction. Its plain
interpolation holds back nothing, and a short low-pass of our own keeps out what would be folded: 2 ms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

_FILTER_SECONDS = 0.004
_PASSED = 0.46
"""Of the lower of both rates."""


class Resampler:
    """Mono s16le of one rate to another, Hz."""

    def __init__(self, source: int, target: int) -> None:
        self._stream: Any = soxr.ResampleStream(source, target, 1, dtype="float32", quality="QQ")
        self._same = source == target
        self._before = source >= target
        """The low-pass works at the higher rate."""
        self._filter = _LowPass(max(source, target), _PASSED * min(source, target))

    def resample(self, pcm: bytes) -> bytes:
        """The next piece of the stream."""
        if self._same or not pcm:
            return pcm
        samples = np.frombuffer(pcm, np.int16).astype(np.float32)
        if self._before:
            samples = self._stream.resample_chunk(self._filter.apply(samples))
        else:
            samples = self._filter.apply(self._stream.resample_chunk(samples))
        return np.clip(np.rint(samples), -32768, 32767).astype(np.int16).tobytes()


class _LowPass:
    """A windowed sinc."""

    def __init__(self, rate: int, cutoff: float) -> None:
        taps = int(rate * _FILTER_SECONDS) | 1
        steps = np.arange(taps) - taps // 2
        kernel = np.sinc(2 * cutoff / rate * steps) * np.hamming(taps)
        self._kernel = (kernel / kernel.sum()).astype(np.float32)
        self._tail = np.zeros(taps - 1, np.float32)

    def apply(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        whole = np.concatenate((self._tail, samples)).astype(np.float32)
        self._tail = whole[len(whole) - len(self._tail) :]
        return np.convolve(whole, self._kernel, "valid").astype(np.float32) if len(samples) else samples
