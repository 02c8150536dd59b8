"""Noise to talk in: made, not recorded, the same for the same seed."""

from __future__ import annotations

from functools import cache

import numpy as np

from tests.peers.speech import RATE, Samples, silence, synthetic

Wave = np.ndarray[tuple[int], np.dtype[np.float64]]

LINE_DBFS = -62.0
"""White noise of a quiet line."""
_PERIOD = 60 * RATE
_BABBLERS = ("en-us+m2", "en-gb+f2", "en-us+m5", "en-gb+m7", "en-us+f4", "en-gb+f5")
_BABBLE = (
    "Then they went down to the river and sat there until it was dark and all the boats had gone home.",
    "Nobody knows how many of these are sold in a year, but it must be more than ten thousand.",
    "We talked about the house, the garden, the neighbours and their two very loud dogs.",
)


@cache
def noise(kind: str) -> Wave:
    """60 s of line, pink, street or babble noise, of root mean square 1."""
    made = {"line": _white, "pink": _pink, "street": _street, "babble": _babble}[kind]()
    wave: Wave = made / np.sqrt(np.mean(made**2))
    return wave


def _white() -> Wave:
    return np.random.default_rng(1).standard_normal(_PERIOD)


def _coloured(power: float, seed: int) -> Wave:
    """Noise whose power falls with frequency to this power, above 40 Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(_PERIOD))
    frequency = np.maximum(np.fft.rfftfreq(_PERIOD, 1 / RATE), 40.0)
    coloured: Wave = np.fft.irfft(spectrum * frequency ** (-power / 2), _PERIOD)
    return coloured


def _pink() -> Wave:
    return _coloured(1.0, 2)


def _street() -> Wave:
    """Low rumble that swells as cars pass every few seconds, with hiss of tyres."""
    time = np.arange(_PERIOD) / RATE
    passing = np.zeros(_PERIOD)
    for at in np.random.default_rng(3).uniform(0, _PERIOD / RATE, 12):
        passing += np.exp(-(((time - at) / 1.2) ** 2))
    rumble, hiss = (wave / np.sqrt(np.mean(wave**2)) for wave in (_coloured(2.0, 4), _coloured(0.5, 5)))
    wave: Wave = (0.5 + passing) * rumble + 0.4 * passing * hiss
    return wave


def _babble() -> Wave:
    """Six voices that talk all the time."""
    mixed = np.zeros(_PERIOD)
    for number, voice in enumerate(_BABBLERS):
        said: Samples = np.concatenate([np.concatenate([synthetic(text, voice), silence(150)]) for text in _BABBLE])
        mixed += np.roll(np.resize(said, _PERIOD), number * 3 * RATE).astype(np.float64)
    return mixed
