from __future__ import annotations

import numpy as np
import pytest

from gateway.providers.turn.prosody import UNSURE, ProsodyJudge, features

RATE = 8000


def voice(seconds: float, *, start_hz: float, end_hz: float, start_db: float = 0.0, end_db: float = 0.0) -> np.ndarray:
    """A buzz whose pitch and level go from one value to the other."""
    count = int(seconds * RATE)
    hertz = np.geomspace(start_hz, end_hz, count)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    wave = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 8))
    return wave * 3000 * 10 ** (np.linspace(start_db, end_db, count) / 20)


def heard(*parts: np.ndarray, after_ms: int = 100) -> np.ndarray:
    silence = np.zeros(after_ms * RATE // 1000)
    noise = np.random.default_rng(1).standard_normal(sum(map(len, parts)) + len(silence)) * 5
    return (np.concatenate([*parts, silence]) + noise).astype(np.float32)


def pcm(samples: np.ndarray) -> bytes:
    return samples.astype("<i2").tobytes()


SPEECH = voice(1.0, start_hz=150, end_hz=150)
FALLING = heard(SPEECH, voice(0.4, start_hz=150, end_hz=110, end_db=-14))
LEVEL = heard(SPEECH, voice(0.4, start_hz=150, end_hz=150))


def test_the_last_syllable_is_measured_against_the_rest() -> None:
    level, tail, pitch = features(FALLING) or pytest.fail("there is voice")
    assert -13 < level < -7
    assert 8 <= tail <= 14
    assert -5.5 < pitch < -1


async def test_a_voice_that_falls_and_softens_has_rather_finished_than_one_that_stops_in_full() -> None:
    judge = ProsodyJudge()
    assert await judge.judge(pcm(FALLING)) > await judge.judge(pcm(LEVEL)) + 0.2


async def test_loudness_of_the_line_changes_nothing() -> None:
    judge = ProsodyJudge()
    assert await judge.judge(pcm(FALLING / 4)) == pytest.approx(await judge.judge(pcm(FALLING)), abs=0.05)


@pytest.mark.parametrize(
    "audio", [b"", bytes(2000), bytes(16000), pcm(np.random.default_rng(2).standard_normal(8000) * 9)]
)
async def test_without_a_voice_it_does_not_decide(audio: bytes) -> None:
    assert await ProsodyJudge().judge(audio) == UNSURE
