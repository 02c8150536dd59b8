from __future__ import annotations

import numpy as np
import pytest

from gateway.media.audio import FRAME_SAMPLES
from gateway.worker.loudness import Loudness


def frame(rms: float, seed: int = 0) -> bytes:
    samples = np.random.default_rng(seed).standard_normal(FRAME_SAMPLES) * rms
    return samples.astype("<i2").tobytes()


def last_loud(levels: list[float], *, speech_until: int) -> int:
    """Index of the last loud frame; the detector takes the frames before `speech_until` for speech."""
    loudness = Loudness()
    heard = [loudness.push(frame(rms, at), speech=30 <= at < speech_until) for at, rms in enumerate(levels)]
    return max(at for at, loud in enumerate(heard) if loud)


@pytest.mark.parametrize("noise", [3.0, 30.0, 300.0])
def test_speech_ends_with_its_last_frame_whatever_the_noise(noise: float) -> None:
    assert last_loud([noise] * 30 + [3000.0] * 40 + [noise] * 40, speech_until=75) == 69


def test_the_echo_of_a_room_is_no_speech() -> None:
    assert last_loud([3.0] * 30 + [3000.0] * 40 + [60.0] * 20 + [3.0] * 20, speech_until=75) == 69


def test_speech_at_the_very_beginning_is_loud() -> None:
    assert Loudness().push(frame(2000.0), speech=False)


def test_soft_speech_after_loud_speech_becomes_loud_again() -> None:
    loudness = Loudness()
    for at in range(30):
        loudness.push(frame(6000.0, at), speech=True)
    heard = [loudness.push(frame(120.0, at), speech=True) for at in range(100)]
    assert not heard[0]
    assert heard[-1]
