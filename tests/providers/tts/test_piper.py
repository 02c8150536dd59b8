"""piper with its voice Joe, where the extra is installed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest

from gateway.errors import ConfigError
from gateway.providers.base import TranscriptHint, VoiceChunk
from gateway.providers.stt.embedded import embedded_recognisers
from gateway.providers.stt.segment import to_model_rate

piper = pytest.importorskip("gateway.providers.tts.piper", exc_type=ImportError)

TEXT = "The shop is closed today. It opens on Tuesday morning."


@cache
def synthesiser(speed: float = 1.0) -> object:
    return piper.PiperSynthesiser("joe", speed)


async def spoken(text: str, speed: float = 1.0) -> list[VoiceChunk]:
    with ThreadPoolExecutor(1) as pool:
        return [chunk async for chunk in piper.PiperProvider(synthesiser(speed), pool).speak(text)]


@pytest.mark.models
async def test_each_sentence_is_a_chunk_that_a_recogniser_understands() -> None:
    chunks = await spoken(TEXT)
    recogniser = embedded_recognisers()["whisper"]
    texts = [recogniser.recognise(to_model_rate(chunk.pcm), TranscriptHint()).text.casefold() for chunk in chunks]
    assert [text.strip(" .") for text in texts] == ["the shop is closed today", "it opens on tuesday morning"]


@pytest.mark.models
async def test_speech_begins_at_once_and_at_telephone_level() -> None:
    first, _ = await spoken(TEXT)
    samples = np.frombuffer(first.pcm, "<i2") / 32768
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    assert loud[0] < 400
    assert 0.03 < np.sqrt(np.mean(samples[loud[0] : loud[-1]] ** 2)) < 0.2


@pytest.mark.models
async def test_speed_shortens_the_audio() -> None:
    usual, fast = [sum(len(chunk.pcm) for chunk in await spoken(TEXT, speed)) for speed in (1.0, 1.5)]
    assert 0.55 < fast / usual < 0.85


@pytest.mark.models
async def test_nothing_to_say_is_no_audio() -> None:
    assert await spoken("") == []


def test_a_voice_that_is_not_there_is_told_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"/nowhere/ann\.onnx"):
        piper.PiperSynthesiser("/nowhere/ann.onnx", 1.0)
