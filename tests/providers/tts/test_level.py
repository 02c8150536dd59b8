"""Telephone level and silent ends."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.providers.tts.level import silent_ends, to_telephone_level

RATE = 8000


def sine(seconds: float, amplitude: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    at = np.arange(int(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * 400 * at) * amplitude).astype(np.float32)


def dbfs(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean((samples / 32768) ** 2))))


@pytest.mark.parametrize("amplitude", [0.05, 0.2, 1.0])
def test_speech_comes_out_at_minus_20_dbfs_whatever_its_level(amplitude: float) -> None:
    assert dbfs(to_telephone_level(sine(1, amplitude), RATE)) == pytest.approx(-20, abs=0.5)


def test_pauses_do_not_count_as_speech() -> None:
    gapped = np.concatenate([sine(1, 0.1), np.zeros(3 * RATE, dtype=np.float32)])
    assert dbfs(to_telephone_level(gapped, RATE)[:RATE]) == pytest.approx(-20, abs=0.5)


def test_a_peaky_sound_is_not_clipped() -> None:
    peaky = sine(1, 0.01)
    peaky[::800] = 0.9
    assert np.abs(to_telephone_level(peaky, RATE).astype(int)).max() <= 0.91 * 32767


def test_a_whisper_is_not_blown_up_to_noise() -> None:
    assert dbfs(to_telephone_level(sine(1, 0.001), RATE)) < -45


@pytest.mark.parametrize("samples", [0, 1, 79, 800])
def test_silence_stays_silence(samples: int) -> None:
    assert not to_telephone_level(np.zeros(samples, dtype=np.float32), RATE).any()


def test_silent_ends_are_measured_in_blocks() -> None:
    padded = np.concatenate([np.zeros(2400, np.float32), sine(1, 0.3), np.zeros(4000, np.float32)])
    assert silent_ends(padded, RATE) == (2400, 4000)
    assert silent_ends(np.zeros(800, np.float32), RATE) == (800, 0)
