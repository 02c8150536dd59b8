"""The sound of an echo call, and what comes back of it. Pure; PCM is 8000 Hz, 16 bit, one channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.media.audio import SAMPLE_RATE, ms_to_samples

_CHIRP_MS, _PAUSE_MS = 500, 300
_SWEEPS = ((400, 2600), (2400, 500), (700, 3000))
"""Hz, from and to: inside of what every telephone carries, and no two alike."""
_AMPLITUDE = 6000
_FADE_MS = 20
_ALIKE = 0.35
"""Correlation from which on what came is ours; speech and noise stay below 0.2."""
_FULL_SCALE = 32768.0


@dataclass(frozen=True, slots=True)
class Echo:
    """What came back: how late (ms), how loud beside what was sent (dB), how alike (0…1), and how many of the chirps
    did."""

    delay_ms: int
    level_db: float
    likeness: float
    chirps: int


def chirps() -> bytes:
    """Three rising and falling tones with pauses."""
    pause = np.zeros(ms_to_samples(_PAUSE_MS), np.int16)
    return b"".join(_chirp(*sweep).tobytes() + pause.tobytes() for sweep in _SWEEPS)


CHIRPS = len(_SWEEPS)


def measure(sent: bytes, heard: bytes) -> Echo | None:
    """The best place of what was sent in what was heard; None when it is nowhere.

    :param sent: what went out, tick by tick
    :param heard: what came in in the same ticks
    """
    ours, theirs = _samples(sent), _samples(heard)
    found = [one for sweep in _SWEEPS if (one := _match(_chirp(*sweep).astype(np.float64), ours, theirs))]
    if not found:
        return None
    delay = int(np.median([one[0] for one in found])) * 1000 // SAMPLE_RATE
    return Echo(delay, _mean([one[1] for one in found]), _mean([one[2] for one in found]), len(found))


def level_dbfs(heard: bytes) -> float | None:
    """The loudest half second, in dB below full scale; None for digital silence."""
    samples = _samples(heard)
    size = SAMPLE_RATE // 2
    blocks = [samples[start : start + size] for start in range(0, len(samples), size)]
    loudest = max((float(np.sqrt(np.mean(block**2))) for block in blocks if len(block)), default=0.0)
    return round(20 * float(np.log10(loudest / _FULL_SCALE)), 1) if loudest >= 1 else None


def _chirp(first: int, last: int) -> NDArray[np.int16]:
    time = np.arange(ms_to_samples(_CHIRP_MS)) / SAMPLE_RATE
    seconds = _CHIRP_MS / 1000
    wave = _AMPLITUDE * np.sin(2 * np.pi * (first * time + (last - first) * time**2 / (2 * seconds)))
    fade = np.minimum(1.0, np.arange(len(time)) / ms_to_samples(_FADE_MS))
    shaped: NDArray[np.int16] = (wave * fade * fade[::-1]).astype(np.int16)
    return shaped


def _match(
    chirp: NDArray[np.float64], ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> tuple[int, float, float] | None:
    """(samples later, dB, likeness) of one chirp."""
    if len(ours) < len(chirp) or len(theirs) < len(chirp):
        return None
    start = int(np.argmax(_correlation(ours, chirp)))
    after = theirs[start:]
    if len(after) < len(chirp):
        return None
    likeness = _correlation(after, chirp)
    best = int(np.argmax(likeness))
    if likeness[best] < _ALIKE:
        return None
    passage = after[best : best + len(chirp)]
    # what is of the chirp in it, without the noise
    gain = float(passage @ chirp) / float(chirp @ chirp)
    return best, 20 * float(np.log10(max(gain, 1e-6))), float(likeness[best])


def _correlation(signal: NDArray[np.float64], chirp: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised, -1…1, at each place; a place that is silent has 0."""
    size = 1 << (len(signal) + len(chirp)).bit_length()
    product = np.fft.rfft(signal, size) * np.conj(np.fft.rfft(chirp, size))
    raw = np.fft.irfft(product, size)[: len(signal) - len(chirp) + 1]
    sums = np.concatenate(([0.0], np.cumsum(signal**2)))
    power = sums[len(chirp) :] - sums[: -len(chirp)]
    normal: NDArray[np.float64] = raw / np.sqrt(np.maximum(power, len(chirp)) * float(chirp @ chirp))
    return normal


def _samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, np.int16).astype(np.float64)


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 2)
