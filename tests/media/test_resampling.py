"""What resampling adds to a tone, in pieces of any size: THD+N, by the tone itself taken out (MED-14)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.carriers.resampler import Resampler
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.tts.telephone_audio import TelephoneAudio

_TONE_HZ, _SECONDS = 997.0, 2
_RATES = (16_000, 24_000, 48_000)
_LIMIT_DB = -60.0


def tone(rate: int) -> bytes:
    samples = np.sin(2 * np.pi * _TONE_HZ * np.arange(rate * _SECONDS) / rate) * 16_000
    return bytes(np.rint(samples).astype("<i2").tobytes())


def in_pieces(pcm: bytes, seed: int) -> list[bytes]:
    """Pieces of 2 to 2000 bytes, whole samples each."""
    dice, pieces, at = np.random.default_rng(seed), [], 0
    while at < len(pcm):
        size = 2 * int(dice.integers(1, 1000))
        pieces.append(pcm[at : at + size])
        at += size
    return pieces


def distortion_db(pcm: bytes, rate: int) -> float:
    """All that is no tone of this frequency, by the tone; beginning and end, where filters fill, are left out."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    middle: NDArray[np.float64] = samples[rate // 5 : -rate // 5]
    phase = 2 * np.pi * _TONE_HZ * np.arange(len(middle)) / rate
    basis = np.stack([np.sin(phase), np.cos(phase), np.ones_like(phase)], axis=1)
    weights, *_ = np.linalg.lstsq(basis, middle, rcond=None)
    left = middle - basis @ weights
    return float(10 * np.log10(np.mean(left**2) / np.mean((basis @ weights) ** 2)))


@pytest.mark.scenario("MED-14", peer="synthetic tone", transport="none")
@pytest.mark.parametrize("rate", _RATES)
def test_a_voice_becomes_the_telephones_without_distortion(rate: int) -> None:
    audio = TelephoneAudio(rate)
    heard = b"".join(audio.push(piece) for piece in in_pieces(tone(rate), seed=rate)) + audio.flush()
    assert distortion_db(heard, SAMPLE_RATE) <= _LIMIT_DB


@pytest.mark.scenario("MED-14", peer="synthetic tone", transport="none")
@pytest.mark.parametrize("rate", _RATES)
@pytest.mark.parametrize("upwards", [True, False], ids=["up", "down"])
def test_pieces_of_any_size_make_the_same_stream_as_one(rate: int, upwards: bool) -> None:
    source, target = (SAMPLE_RATE, rate) if upwards else (rate, SAMPLE_RATE)
    pcm, pieces, whole = tone(source), Resampler(source, target), Resampler(source, target)
    cut = b"".join(pieces.resample(piece) for piece in in_pieces(pcm, seed=3))
    one = whole.resample(pcm)
    length = min(len(cut), len(one)) - 64
    apart = np.abs(np.frombuffer(cut[:length], "<i2").astype(int) - np.frombuffer(one[:length], "<i2"))
    assert apart.max() <= 1
    print(f"\n{source} to {target} Hz: {distortion_db(cut, target):.1f} dB")
