"""What a caller hears who waits: music and ringing that are made here, 8000 Hz PCM."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from gateway.media.audio import SAMPLE_RATE

_LEVEL = 0.12
_NOTE_SECONDS = 0.5
_CHORDS = ((60, 64, 67, 72), (57, 60, 64, 69), (53, 57, 60, 65), (55, 59, 62, 67))
"""Notes of C, A minor, F and G, as MIDI numbers them."""
_RINGING_HZ = (440.0, 480.0)
_RINGING_SECONDS, _RINGING_PERIOD_SECONDS = 2.0, 6.0
"""ITU-T E.180, as North America has it."""


@functools.cache
def hold_music() -> bytes:
    """Broken chords, quiet and slow; sixteen seconds that go round without a seam."""
    notes = [note for chord in _CHORDS for note in (*chord, chord[2], chord[1], chord[2], chord[1])]
    length = int(_NOTE_SECONDS * SAMPLE_RATE)
    sound = np.zeros(length * len(notes))
    time = np.arange(2 * length) / SAMPLE_RATE
    for index, note in enumerate(notes):
        hertz = 440.0 * 2 ** ((note - 69) / 12)
        tone = np.exp(-3.0 * time) * (np.sin(2 * np.pi * hertz * time) + 0.3 * np.sin(4 * np.pi * hertz * time))
        tone *= np.minimum(1.0, time / 0.01) * np.minimum(1.0, (time[-1] - time) / 0.01)
        places = (index * length + np.arange(2 * length)) % len(sound)
        sound[places] += tone
    return _pcm(_LEVEL * sound)


@functools.cache
def ringing() -> bytes:
    """What a caller hears while somewhere a telephone rings."""
    time = np.arange(int(_RINGING_PERIOD_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    sound = sum(np.sin(2 * np.pi * hertz * time) for hertz in _RINGING_HZ) * (time < _RINGING_SECONDS)
    return _pcm(_LEVEL / 2 * np.asarray(sound))


def _pcm(sound: NDArray[np.float64]) -> bytes:
    return (np.clip(sound, -1.0, 1.0) * 32767).astype("<i2").tobytes()
