"""Sound files of the softphone: any rate in, the telephone's rate out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from gateway.errors import ConfigError
from gateway.media.audio import SAMPLE_RATE


def read_speech(path: Path) -> bytes:
    """A sound file as PCM of the telephone: 8000 Hz, mono, signed 16 bit.

    :raises ConfigError: when it cannot be read
    """
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise ConfigError(f"The sound file {path} cannot be read ({error}); give a WAV or FLAC file.") from error
    mono = samples.mean(axis=1)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    return bytes((np.clip(mono, -1.0, 1.0) * 32767).round().astype("<i2").tobytes())


def write_mono(path: Path, pcm: bytes) -> None:
    """PCM to a WAV file. :raises ConfigError: when it cannot be written."""
    _write(path, np.frombuffer(pcm, dtype="<i2"))


def write_stereo(path: Path, left: bytes, right: bytes) -> None:
    """Two equally long PCM tracks to a stereo WAV file. :raises ConfigError: when it cannot be written."""
    tracks = [np.frombuffer(track, dtype="<i2") for track in (left, right)]
    _write(path, np.stack(tracks, axis=1))


def _write(path: Path, samples: NDArray[np.int16]) -> None:
    try:
        soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    except (OSError, soundfile.LibsndfileError) as error:
        raise ConfigError(f"The recording {path} cannot be written ({error}); choose a writable folder.") from error
