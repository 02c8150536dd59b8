"""Beeps, and what is none, as it comes over a telephone line."""

from __future__ import annotations

import audioop

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.worker.beep import BeepDetector
from tests.peers.speech import FLITE_VOICES, Samples, join, silence, synthetic, with_noise

BEFORE_MS = 603


def tone(ms: int, *hz: float, amplitude: float = 6000) -> Samples:
    seconds = np.arange(ms * 8) / 8000
    waves = np.sin(2 * np.pi * np.outer(hz, seconds)).mean(axis=0) * amplitude
    wave: Samples = waves.astype(np.int16)
    return wave


def beeps(*sounds: Samples, noise_db: float | None = None) -> list[int]:
    """When beeps ended that are heard in the sounds, which begin at 0 ms."""
    samples = join(*sounds, silence(400))
    if noise_db is not None:
        samples = with_noise(samples, snr_db=noise_db)
    line = audioop.ulaw2lin(audioop.lin2ulaw(samples.tobytes(), 2), 2)
    return BeepDetector().push(line, 0)


@pytest.mark.parametrize("hz", [440, 620, 700, 1000, 1400, 2000])
@pytest.mark.parametrize("ms", [140, 400, 1200, 2400])
def test_a_tone_is_dated_to_a_hundredth_of_a_second(hz: int, ms: int) -> None:
    (end_ms,) = beeps(silence(BEFORE_MS), tone(ms, hz))
    assert abs(end_ms - BEFORE_MS - ms) <= 10


@pytest.mark.parametrize("pair", [(950, 1400), (600, 1200), (800, 1000)])
def test_a_tone_of_two_frequencies(pair: tuple[int, int]) -> None:
    assert len(beeps(silence(BEFORE_MS), tone(400, *pair))) == 1


def test_a_soft_beep_in_noise() -> None:
    assert len(beeps(silence(BEFORE_MS), tone(500, 1000, amplitude=1500), noise_db=12)) == 1


@pytest.mark.parametrize("ms", [40, 100, 2700, 6000])
def test_a_click_and_a_line_tone_are_none(ms: int) -> None:
    assert beeps(silence(BEFORE_MS), tone(ms, 1000)) == []


@pytest.mark.parametrize(
    ("hz", "on_ms", "off_ms"),
    [
        ((440, 480), 2000, 4000),
        ((480, 620), 500, 500),
        ((480, 620), 250, 250),
        ((350, 440), 2000, 10),
        ((400, 450), 400, 200),
        ((425,), 1000, 4000),
        ((425,), 480, 480),
        ((425,), 250, 250),
        ((440,), 300, 2000),
        ((620,), 200, 200),
    ],
)
def test_the_tones_of_the_network_are_none(hz: tuple[int, ...], on_ms: int, off_ms: int) -> None:
    cadence = [part for _ in range(3) for part in (tone(on_ms, *hz), silence(off_ms))]
    heard = beeps(silence(BEFORE_MS), *cadence)
    assert len(heard) <= (1 if hz == (620,) else 0)


@pytest.mark.parametrize("low", [697, 770, 852, 941])
@pytest.mark.parametrize("high", [1209, 1336, 1477])
def test_keys_are_none(low: int, high: int) -> None:
    assert beeps(silence(BEFORE_MS), tone(160, low, high)) == []


def test_three_tones_before_an_announcement_and_melodies_are_none() -> None:
    assert beeps(silence(BEFORE_MS), tone(330, 950), tone(330, 1400), tone(330, 1800)) == []
    melody = [part for hz in (523, 659, 784, 659, 523) for part in (tone(250, hz), silence(40))]
    assert beeps(silence(BEFORE_MS), *melody) == []


@pytest.mark.parametrize("voice", FLITE_VOICES)
def test_speech_is_none(voice: str) -> None:
    said = "Hello, you have reached nobody. Mmm, no, I am moaning in an oven. Please leave a message."
    assert beeps(synthetic(said, voice)) == []


def test_the_beep_that_speech_runs_into_is_heard() -> None:
    said = synthetic("Leave a message after the tone.", "slt")
    (end_ms,) = beeps(said, tone(300, 1000), silence(200))
    assert abs(end_ms - len(said) // 8 - 300) <= 10


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(200, 12_000))
def test_noise_is_none(seed: int, amplitude: int) -> None:
    noise = np.random.default_rng(seed).standard_normal(8000) * amplitude / 3
    assert beeps(np.clip(noise, -32768, 32767).astype(np.int16)) == []
