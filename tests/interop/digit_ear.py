"""An emulated transcriber's ear for numbers that a human reads out: it knows the recordings of the digits.

The detector of speech does not take tones for a voice, so tone words cannot be said by callers. These words can, and
what was heard of them is as sure: a digit that is cut, or that lies over another one, is none. As transcribers do, the
ear has a word for speech that it does not understand, too: sound without any text makes a transcriber suspect.
"""

from __future__ import annotations

import audioop
from functools import cache

import numpy as np

from gateway.media.audio import SAMPLE_BYTES
from tests.peers.speech import Samples, human
from tests.providers.emulators.ear import HeardWord, Stretches

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_GAP_MS = 60
"""Less than the quiet after which the product asks what was said. A digit may have a stop that is longer: what is
behind that is little, and no word."""
_UNCLEAR, _UNCLEAR_MS = "mm", 300
"""The word for speech of at least this length that is no digit."""
_ALIKE = 0.7
"""Correlation with the recording from which it is this digit, whole."""


class DigitEar:
    """Hears the digits of `speech.human_digits`."""

    def __init__(self) -> None:
        self._stretches = Stretches(_GAP_MS)
        self._words: list[HeardWord] = []

    @property
    def heard_ms(self) -> int:
        """How much audio came."""
        return self._stretches.heard_ms

    @property
    def words(self) -> list[HeardWord]:
        """All words so far."""
        return list(self._words)

    def push(self, pcm: bytes) -> None:
        """The next audio."""
        for stretch in self._stretches.push(pcm):
            unclear = _UNCLEAR if stretch.end_ms - stretch.start_ms >= _UNCLEAR_MS else None
            if (word := _digit(stretch.pcm) or unclear) is not None:
                self._words.append(HeardWord(word, stretch.start_ms, stretch.end_ms))


def _digit(pcm: bytes) -> str | None:
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    found = [_alike(samples, _recording(digit)) for digit in range(10)]
    best = int(np.argmax(found))
    return DIGITS[best] if found[best] >= _ALIKE else None


def _alike(samples: np.ndarray[tuple[int], np.dtype[np.float64]], recording: Samples) -> float:
    """The highest correlation of the recording with the audio, wherever it lies; 1 for the same."""
    size = len(samples) + len(recording)
    spectrum = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(recording.astype(np.float64), size))
    overlaid = np.fft.irfft(spectrum, size)
    norm = np.linalg.norm(recording.astype(np.float64)) * np.linalg.norm(samples)
    return float(overlaid.max() / norm) if norm else 0.0


@cache
def _recording(digit: int) -> Samples:
    """As it is after the telephone."""
    pcm = audioop.ulaw2lin(audioop.lin2ulaw(human(f"digits/{digit}").tobytes(), SAMPLE_BYTES), SAMPLE_BYTES)
    return np.frombuffer(pcm, "<i2")
