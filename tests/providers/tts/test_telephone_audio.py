from __future__ import annotations

import audioop

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.tts.telephone_audio import TelephoneAudio
from tests.providers.emulators.tone_words import decode, encode

PCM = encode("red blue")


def through(audio: TelephoneAudio, stream: bytes, sizes: list[int]) -> bytes:
    """The stream in pieces of these sizes, over and over."""
    out, at, turn = b"", 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        out += audio.push(stream[at : at + size])
        at, turn = at + size, turn + 1
    return out + audio.flush()


@given(st.lists(st.integers(1, 999), min_size=1, max_size=5))
def test_pieces_may_end_within_a_sample(sizes: list[int]) -> None:
    audio = TelephoneAudio()
    assert through(audio, PCM, sizes) == PCM
    assert audio.samples == len(PCM) // 2


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 44100])
def test_other_rates_are_resampled_without_a_seam(rate: int) -> None:
    wide = soxr.resample(np.frombuffer(PCM, "<i2"), 8000, rate).astype("<i2").tobytes()
    audio = TelephoneAudio(rate)
    assert [word for word, _, _ in decode(through(audio, wide, [333, 1000]))] == ["red", "blue"]
    assert audio.seconds == pytest.approx(len(PCM) / 16000, abs=0.002)


def test_mulaw_is_opened() -> None:
    assert decode(through(TelephoneAudio(encoding="mulaw"), audioop.lin2ulaw(PCM, 2), [160])) == decode(PCM)


def test_a_half_sample_at_the_end_is_dropped() -> None:
    assert through(TelephoneAudio(), PCM + b"\x01", [320]) == PCM
