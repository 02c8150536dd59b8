"""The embedded voice activity detector on synthetic speech, noise and odd chunk sizes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from gateway.providers.tts.hibari import HibariSynthesiser
from gateway.providers.vad.silero import SileroDetector, SileroModel
from tests.providers.speech import silence, tone

pytestmark = pytest.mark.models


@cache
def shared() -> SileroModel:
    return SileroModel()


@cache
def speech() -> bytes:
    return HibariSynthesiser().synthesise("I would like to know when you are open on Monday.").pcm


def probabilities(detector: SileroDetector, pcm: bytes, chunk: int = 320) -> list[float]:
    return [one for at in range(0, len(pcm), chunk) for one in detector.push(pcm[at : at + chunk])]


def test_speech_is_told_from_silence_and_a_tone() -> None:
    assert np.mean(probabilities(shared().open(), speech())) > 0.7
    assert max(probabilities(shared().open(), silence(2000))) < 0.2
    assert np.mean(probabilities(shared().open(), tone(440, 2000))) < 0.3


def test_a_window_is_32_ms_and_nothing_is_held_back_longer() -> None:
    detector = shared().open()
    assert detector.window_ms == 32
    assert len(probabilities(detector, silence(3200))) in (99, 100)


def test_speech_is_seen_within_four_windows_of_its_onset() -> None:
    found = probabilities(shared().open(), silence(640) + speech())
    onset = next(at for at, probability in enumerate(found) if probability > 0.5)
    assert 20 <= onset <= 24


def test_the_size_of_the_chunks_does_not_matter() -> None:
    by_frame = probabilities(shared().open(), speech()[:16000], 320)
    at_once = probabilities(shared().open(), speech()[:16000], 16000)
    count = min(len(by_frame), len(at_once))
    assert np.allclose(by_frame[:count], at_once[:count], atol=0.02)


def test_calls_do_not_share_state() -> None:
    alone = probabilities(shared().open(), speech())
    first, second = shared().open(), shared().open()
    mixed: list[float] = []
    for at in range(0, len(speech()), 320):
        mixed += first.push(speech()[at : at + 320])
        second.push(tone(300, 20))
    assert mixed == alone
