from __future__ import annotations

import numpy as np
import pytest

from gateway.media.audio import FRAME_BYTES
from gateway.worker.speech_meter import SpeechMeter, has_pitch
from tests.worker.murmur import murmur

VOICE = murmur(1000, seed=1)
NOISE = (np.random.default_rng(1).standard_normal(8000) * 300).astype("<i2")


def measure(meter: SpeechMeter, pcm: bytes) -> None:
    meter.begin()
    for at in range(0, len(pcm), FRAME_BYTES):
        meter.speaking(pcm[at : at + FRAME_BYTES], pitch=True)


def quieter(db: float) -> bytes:
    return (VOICE * 10 ** (-db / 20)).astype("<i2").tobytes()


@pytest.mark.parametrize("below_db", [0.0, 6.0, 15.0])
def test_loudness_is_told_against_the_callers_own(below_db: float) -> None:
    meter = SpeechMeter()
    meter.silent(bytes(FRAME_BYTES))
    measure(meter, quieter(0))
    assert meter.over_usual_db is None
    meter.learn()
    measure(meter, quieter(below_db))
    assert meter.over_usual_db == pytest.approx(-below_db, abs=0.5)


def test_the_noise_of_the_line_is_not_part_of_it() -> None:
    meter = SpeechMeter()
    meter.silent(NOISE[:160].tobytes())
    measure(meter, quieter(0))
    meter.learn()
    measure(meter, NOISE.tobytes())
    assert meter.over_usual_db is not None
    assert meter.over_usual_db < -15


def test_a_short_word_teaches_nothing() -> None:
    meter = SpeechMeter()
    measure(meter, quieter(0)[: 8 * FRAME_BYTES])
    meter.learn()
    assert meter.usual_db is None


def test_a_voice_has_pitch_and_noise_has_none() -> None:
    meter = SpeechMeter()
    measure(meter, quieter(0))
    assert meter.voiced > 0.5
    measure(meter, NOISE.tobytes())
    assert meter.voiced < 0.1
    assert not has_pitch(b"")
