"""Words that can be told from each other by their sound: each number is a tone of its own.

Pure. Audio is 8000 Hz mono.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.media.audio import SAMPLE_RATE

WORD_MS, PAUSE_MS = 160, 40
WORDS = 60
"""Numbers that have a tone."""
OTHER = WORDS
"""The tone of every word that is no number: comfort phrases, apologies."""
_LOWEST_HZ, _STEP_HZ = 300, 50
_LEVEL = 9000
_LOUD = 1000

Samples = npt.NDArray[np.int16]


def tone(number: int) -> Samples:
    """One word, with the pause behind it."""
    at = np.arange(WORD_MS * SAMPLE_RATE // 1000)
    wave = np.sin(2 * np.pi * (_LOWEST_HZ + _STEP_HZ * number) * at / SAMPLE_RATE) * _LEVEL
    return np.append(wave, np.zeros(PAUSE_MS * SAMPLE_RATE // 1000)).astype(np.int16)


def number_of(word: str) -> int:
    """The number of a word as it is written: w7 is 7."""
    digits = "".join(letter for letter in word if letter.isdigit())
    return int(digits) % WORDS if digits else OTHER


def heard_number(frame: Samples) -> int | None:
    """Which word a frame of 20 ms is of; None for silence."""
    if not len(frame) or np.abs(frame.astype(np.int32)).max() < _LOUD:
        return None
    spectrum = np.abs(np.fft.rfft(frame * np.hanning(len(frame)), SAMPLE_RATE // 5))
    return round((int(spectrum.argmax()) * 5 - _LOWEST_HZ) / _STEP_HZ)


def passage(turn: int, words: int) -> list[int]:
    """The numbers that are said in a turn; 0 is the greeting."""
    return [(turn * words + at) % WORDS for at in range(words)]
