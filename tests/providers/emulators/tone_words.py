"""Words as dual tones: speech that an emulator can say and a test can hear exactly, also through µ-law.

A word is one of 64 pairs of tones (8 low, 8 high), `word_ms` long, with `gap_ms` of silence behind it. All tones are
multiples of 50 Hz, so that a window of 20 ms tells them apart whatever its phase. Words of the vocabulary have a pair
of their own; any other word shares the pair of one of them, always the same (`sounds_like`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from gateway.media.audio import SAMPLE_RATE, ms_to_samples

_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty
hello thank you please yes no order table number call back today tomorrow morning evening night
red blue green yellow black white apple orange lemon cherry coffee water bread butter sugar pepper
north south east west river mountain forest garden window door paper silver golden summer winter autumn"""
VOCABULARY = tuple(_WORDS.split())
WORD_MS = 200
GAP_MS = 40

_LOW = tuple(range(400, 1200, 100))
_HIGH = tuple(range(1400, 3000, 200))
_LEVEL = 0.2
"""Of full scale, each tone."""
_WINDOW = ms_to_samples(20)
_HOP = ms_to_samples(5)
_QUIET = 0.02
_PURE = 0.7
"""Share of a window's energy that its two tones must have."""
_TOLERANCE_MS = 12

_SLOTS = {word: slot for slot, word in enumerate(VOCABULARY)}
_PROBES = np.exp(-2j * np.pi * np.outer(np.arange(_WINDOW), _LOW + _HIGH) / SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class ToneWord:
    """A word that was heard. `whole`: it is as long as it was said; a part of it is not, nor more than it."""

    text: str
    start_ms: int
    end_ms: int
    whole: bool


def sounds_like(text: str) -> list[str]:
    """The words of the vocabulary that are heard when the words of `text` are said."""
    return [VOCABULARY[_slot(word)] for word in text.split() if _bare(word)]


def encode(words: str | Iterable[str], word_ms: int = WORD_MS, gap_ms: int = GAP_MS) -> bytes:
    """The words (or those of a text) as 8000 Hz mono s16le."""
    spoken = words.split() if isinstance(words, str) else words
    gap = np.zeros(ms_to_samples(gap_ms))
    parts = [part for word in spoken if _bare(word) for part in (_tones(_slot(word), word_ms), gap)]
    return (np.concatenate(parts or [gap[:0]]) * 32767).astype("<i2").tobytes()


def decode(pcm: bytes, word_ms: int = WORD_MS) -> list[tuple[str, int, int]]:
    """The words that are in the audio whole, with start and end in ms."""
    return [(word.text, word.start_ms, word.end_ms) for word in hear(pcm, word_ms) if word.whole]


def hear(pcm: bytes, word_ms: int = WORD_MS) -> list[ToneWord]:
    """All that sounds like a word or a part of one, in order."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
    heard, at = [], 0
    for slot, windows in groupby(_labels(samples)):
        count = len(list(windows))
        if slot is not None:
            start, end = _trimmed(samples, at * _HOP, (at + count - 1) * _HOP + _WINDOW)
            start_ms, end_ms = round(start * 1000 / SAMPLE_RATE), round(end * 1000 / SAMPLE_RATE)
            whole = abs(end_ms - start_ms - word_ms) <= _TOLERANCE_MS
            heard.append(ToneWord(VOCABULARY[slot], start_ms, end_ms, whole))
        at += count
    return heard


def _labels(samples: npt.NDArray[np.float64]) -> list[int | None]:
    """Which word sounds in each window; windows begin 5 ms apart."""
    if len(samples) < _WINDOW:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    energy = (windows**2).sum(axis=1)
    found = np.abs(windows @ _PROBES) ** 2 * 2 / _WINDOW
    low, high = found[:, : len(_LOW)], found[:, len(_LOW) :]
    pure = low.max(axis=1) + high.max(axis=1) > _PURE * energy
    both = np.minimum(low.max(axis=1), high.max(axis=1)) > 0.1 * energy
    loud = energy > _WINDOW * _QUIET**2
    slots = low.argmax(axis=1) * len(_HIGH) + high.argmax(axis=1)
    return [int(slot) if sure else None for slot, sure in zip(slots, pure & both & loud, strict=True)]


def _trimmed(samples: npt.NDArray[np.float64], start: int, end: int) -> tuple[int, int]:
    """The span without the silence at its ends."""
    loud = np.flatnonzero(np.abs(samples[start:end]) > _QUIET)
    return (start + int(loud[0]), start + int(loud[-1]) + 1) if loud.size else (start, start)


def _tones(slot: int, word_ms: int) -> npt.NDArray[np.float64]:
    seconds = np.arange(ms_to_samples(word_ms)) / SAMPLE_RATE
    pair = (_LOW[slot // len(_HIGH)], _HIGH[slot % len(_HIGH)])
    tones: npt.NDArray[np.float64] = sum((_LEVEL * np.sin(2 * np.pi * tone * seconds) for tone in pair), 0 * seconds)
    return tones


def _slot(word: str) -> int:
    bare = _bare(word)
    return _SLOTS.get(bare, zlib.crc32(bare.encode()) % len(VOCABULARY))


def _bare(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalnum())
