"""What came back of the chirps, by signals that are made."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.doctor.echo import chirps, level_dbfs, measure
from gateway.media.audio import ms_to_samples

_LEAD = bytes(2 * ms_to_samples(200))
_REST = bytes(2 * ms_to_samples(2000))
SENT = _LEAD + chirps() + _REST


def _delayed(milliseconds: int, gain: float = 1.0, noise: float = 0.0) -> bytes:
    samples = np.frombuffer(SENT, np.int16).astype(np.float64)
    late = ms_to_samples(milliseconds)
    heard = np.concatenate((np.zeros(late), samples))[: len(samples)] * gain
    heard += np.random.default_rng(1).normal(0, noise, len(heard))
    return bytes(heard.clip(-32768, 32767).astype(np.int16).tobytes())


@pytest.mark.parametrize("delay_ms", [0, 40, 333, 1500])
def test_delay_and_level_are_measured(delay_ms: int) -> None:
    echo = measure(SENT, _delayed(delay_ms, gain=0.5))
    assert echo is not None
    assert (echo.delay_ms, echo.chirps) == (delay_ms, 3)
    assert echo.level_db == pytest.approx(-6, abs=0.2)


def test_an_echo_is_found_in_noise() -> None:
    echo = measure(SENT, _delayed(120, gain=0.5, noise=800))
    assert echo is not None
    assert abs(echo.delay_ms - 120) <= 1


@pytest.mark.parametrize("heard", [bytes(len(SENT)), _delayed(0, gain=0, noise=3000), b""])
def test_silence_and_noise_are_no_echo(heard: bytes) -> None:
    assert measure(SENT, heard) is None


def test_an_echo_of_one_chirp_is_told_as_one() -> None:
    whole = _delayed(100)
    cut = len(_LEAD) + 2 * ms_to_samples(100 + 600)
    echo = measure(SENT, whole[:cut] + bytes(len(whole) - cut))
    assert echo is not None
    assert echo.chirps == 1


def test_levels() -> None:
    assert level_dbfs(bytes(16000)) is None
    assert level_dbfs(np.full(8000, 3277, np.int16).tobytes()) == pytest.approx(-20, abs=0.1)
