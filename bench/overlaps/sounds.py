"""Sounds that are no speech, and speech from across the room: generated, 8000 Hz."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import soxr

from tests.peers.speech import RATE, Samples

Wave = npt.NDArray[np.float64]
Dice = np.random.Generator


def _noise(dice: Dice, ms: float, low: float, high: float) -> Wave:
    """Noise of a band, Hz; at unit power."""
    samples = int(ms * RATE / 1000)
    spectrum = np.fft.rfft(dice.standard_normal(samples))
    frequencies = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    wave = np.fft.irfft(spectrum, samples)
    return np.asarray(wave / np.sqrt(np.mean(wave**2)))


def _decay(wave: Wave, ms: float, attack_ms: float = 2) -> Wave:
    time = np.arange(len(wave)) * 1000 / RATE
    return np.asarray(wave * np.exp(-time / ms) * np.minimum(1, time / attack_ms))


def _swell(wave: Wave) -> Wave:
    return np.asarray(wave * np.hanning(len(wave)))


def _at_level(wave: Wave, dbfs: float) -> Samples:
    """Scaled so that the loudest 20 ms have this root mean square."""
    frames = wave[: len(wave) // 160 * 160].reshape(-1, 160)
    loudest = np.sqrt(np.max(np.mean(frames**2, axis=1)))
    scaled: Samples = np.clip(wave * 32768 * 10 ** (dbfs / 20) / loudest, -32768, 32767).astype(np.int16)
    return scaled


def _cough(dice: Dice) -> Wave:
    """An explosion of breath through an open throat, once or twice, with a groan in its end."""
    bursts = []
    for _ in range(int(dice.integers(1, 3))):
        burst = _decay(_noise(dice, 260, 300, 2800), dice.uniform(40, 80), attack_ms=8)
        pitch = dice.uniform(90, 180)
        time = np.arange(len(burst)) / RATE
        groan = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in range(1, 8))
        bursts += [burst + 0.25 * _swell(np.asarray(groan)), np.zeros(int(dice.integers(400, 1600)))]
    return np.concatenate(bursts)


def _clap(dice: Dice) -> Wave:
    return np.concatenate(
        [_decay(_noise(dice, 200, 600, 3600), dice.uniform(10, 25), 0.5) for _ in range(int(dice.integers(1, 4)))]
    )


def _door(dice: Dice) -> Wave:
    thud = _decay(_noise(dice, 500, 50, 250), dice.uniform(50, 90), 3)
    rattle = _decay(_noise(dice, 500, 500, 2500), 30, 3)
    return np.asarray(thud + 0.3 * np.roll(rattle, int(dice.integers(0, 800))))


def _keyboard(dice: Dice) -> Wave:
    strokes = []
    for _ in range(int(dice.integers(4, 10))):
        strokes += [_decay(_noise(dice, 60, 1200, 3800), 6, 0.5), np.zeros(int(dice.integers(400, 1400)))]
    return np.concatenate(strokes)


def _breath(dice: Dice) -> Wave:
    return _swell(_noise(dice, dice.uniform(350, 900), 400, 3200))


def _street(dice: Dice) -> Wave:
    """A car that passes: a swell of low noise."""
    length = dice.uniform(1200, 2500)
    return _swell(_noise(dice, length, 60, 900) + 0.3 * _noise(dice, length, 900, 3000))


def _bang(dice: Dice) -> Wave:
    """Something falls: a blow and what it sets ringing."""
    blow = _decay(_noise(dice, 700, 100, 3500), 25, 1)
    time = np.arange(len(blow)) / RATE
    ringing = sum(np.sin(2 * np.pi * f * time) for f in dice.uniform(400, 3000, 4))
    return np.asarray(blow + 0.2 * _decay(np.asarray(ringing), 120, 1))


NOISES: dict[str, Callable[[Dice, float], Samples]] = {
    name: (lambda dice, dbfs, make=make: _at_level(make(dice), dbfs))  # type: ignore[misc]
    for name, make in {
        "cough": _cough,
        "clap": _clap,
        "door": _door,
        "keyboard": _keyboard,
        "breath": _breath,
        "street": _street,
        "bang": _bang,
    }.items()
}
"""Name → a sound at a level: RMS of its loudest 20 ms, dB below full scale."""


def in_the_room(speech: Samples, dice: Dice) -> Samples:
    """Speech as a microphone across the room gets it: 300 to 2500 Hz, with 250 ms of reverberation."""
    tail = _decay(dice.standard_normal(RATE // 4), 60)
    wave = np.convolve(speech, tail / np.sqrt(np.sum(tail**2)) * 0.7 + np.eye(1, len(tail))[0])
    narrow = soxr.resample(soxr.resample(wave, RATE, 5000), 5000, RATE)
    scaled: Samples = np.clip(narrow, -32768, 32767).astype(np.int16)
    return scaled
