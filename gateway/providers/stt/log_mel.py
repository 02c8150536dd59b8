"""Log-mel spectrogram as Whisper was trained on: 80 Slaney mel bands, 25 ms Hann windows every 10 ms at 16 kHz.

The formulas are those of Radford et al., "Robust speech recognition via large-scale weak supervision"
(arXiv:2212.04356, section 2.2) and of Slaney's Auditory Toolbox, whose mel scale is linear below 1 kHz.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from gateway.providers.stt.recogniser import MODEL_RATE, Samples

_WINDOW = 400
_HOP = 160
_BANDS = 80
FRAMES_PER_SECOND = MODEL_RATE // _HOP

_LINEAR_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


def log_mel(samples: Samples, frames: int) -> npt.NDArray[np.float32]:
    """Spectrogram of shape (80, frames); silence is appended or samples are cut to fit."""
    wanted = frames * _HOP
    padded = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
    padded = np.pad(padded, _WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:frames]
    spectrum = np.fft.rfft(windows * _hann(), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    loudness = np.log10(np.maximum(_filters() @ power.T, 1e-10))
    clamped = np.maximum(loudness, loudness.max() - 8.0)
    scaled: npt.NDArray[np.float32] = ((clamped + 4.0) / 4.0).astype(np.float32)
    return scaled


@functools.cache
def _hann() -> npt.NDArray[np.float32]:
    return np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


@functools.cache
def _filters() -> npt.NDArray[np.float32]:
    """Triangular filters of equal area, shape (80, 201)."""
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / MODEL_RATE)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(MODEL_RATE / 2), _BANDS + 2))
    rising = (frequencies - edges[:-2, np.newaxis]) / np.diff(edges)[:-1, np.newaxis]
    falling = (edges[2:, np.newaxis] - frequencies) / np.diff(edges)[1:, np.newaxis]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, np.newaxis]).astype(np.float32)


def _hz_to_mel(hz: float) -> float:
    """Above 1 kHz; the linear part is not needed for the upper edge."""
    return float(_BREAK_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ_PER_MEL, _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))
