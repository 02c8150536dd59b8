from __future__ import annotations

import audioop
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.carriers.audio_format import AudioFormat, Decoder, Encoder
from gateway.media.audio import FRAME_BYTES, SAMPLE_RATE


def tone(rate: int, seconds: float = 0.5) -> bytes:
    times = np.arange(int(rate * seconds)) / rate
    return (8000 * np.sin(2 * math.pi * 400 * times)).astype(np.int16).tobytes()


@given(st.lists(st.binary(max_size=70), max_size=20))
def test_chunks_may_be_cut_anywhere(chunks: list[bytes]) -> None:
    decoder = Decoder(AudioFormat(sample_rate=SAMPLE_RATE))
    decoded = b"".join(decoder.decode(chunk) for chunk in chunks)
    whole = b"".join(chunks)
    assert decoded == whole[: len(whole) // 2 * 2]


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000])
@pytest.mark.parametrize("name", ["pcm_s16le", "mulaw"])
def test_a_tone_keeps_its_level_and_length_both_ways(name: str, rate: int) -> None:
    wire = AudioFormat.model_validate({"format": name, "sampleRate": rate})
    encoder, decoder = Encoder(wire), Decoder(wire)
    pcm = tone(SAMPLE_RATE)
    frames = [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm), FRAME_BYTES)]
    sent = b"".join(map(encoder.encode, frames))
    assert abs(len(sent) / wire.sample_bytes / rate - 0.5) < 0.005
    back = decoder.decode(sent)
    middle = back[FRAME_BYTES * 5 : -FRAME_BYTES * 5]
    assert audioop.rms(middle, 2) == pytest.approx(audioop.rms(pcm, 2), rel=0.05)


@pytest.mark.parametrize("wrong", [{"sampleRate": 2000}, {"format": "opus"}, {"container": "wav"}])
def test_formats_that_no_client_speaks_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AudioFormat.model_validate(wrong)


def test_what_a_telephone_cannot_carry_is_not_folded_into_what_it_can() -> None:
    times = np.arange(8000) / 16000
    hiss = (8000 * np.sin(2 * math.pi * 6500 * times)).astype(np.int16).tobytes()
    assert audioop.rms(Decoder(AudioFormat(sample_rate=16000)).decode(hiss), 2) < 400
