from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.peers import speech


def sine(ms: int, amplitude: int = 3000) -> speech.Samples:
    return (np.sin(2 * np.pi * 300 * np.arange(ms * 8) / 8000) * amplitude).astype(np.int16)


def test_parts_are_joined_with_pauses_between_them() -> None:
    joined = speech.join(sine(100), sine(200), pause_ms=50)
    assert len(joined) == 350 * 8
    assert not joined[800:1200].any()


def test_level_sets_the_loudness_of_the_loud_parts() -> None:
    levelled = speech.level(speech.join(sine(200), speech.silence(800)), dbfs=-20)
    assert np.sqrt(np.mean(levelled[:1600].astype(float) ** 2)) == pytest.approx(3276.8, rel=0.05)


def test_silence_around_is_trimmed_to_what_is_kept() -> None:
    padded = speech.join(speech.silence(400), sine(200), speech.silence(400))
    assert len(speech.trimmed(padded, keep_ms=30)) == pytest.approx(260 * 8, abs=40)


def test_noise_has_the_level_that_was_asked_for() -> None:
    clean = sine(1000)
    noise = speech.with_noise(clean, snr_db=10).astype(float) - clean
    ratio = 10 * np.log10(np.mean(clean.astype(float) ** 2) / np.mean(noise**2))
    assert ratio == pytest.approx(10, abs=0.5)


def test_a_written_file_reads_back_the_same(tmp_path: Path) -> None:
    samples = sine(100)
    assert (speech.read_wav(speech.write_wav(tmp_path / "a.wav", samples)) == samples).all()
