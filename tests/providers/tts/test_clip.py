from __future__ import annotations

import io
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
import soundfile

from gateway.egress import guarded_client
from gateway.errors import ProviderBadRequest, ProviderError
from gateway.providers.tts.clip import ClipVoice, is_clip, telephone_audio
from tests.worker.fakes import ToneVoice

URL = "https://cdn.example.com/hello.mp3?v=1"


def sound(seconds: float = 0.5, rate: int = 44_100, kind: str = "WAV") -> bytes:
    times = np.arange(round(seconds * rate)) / rate
    wave = np.stack([0.5 * np.sin(2 * np.pi * 440 * times)] * 2, axis=1)
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format=kind)
    return file.getvalue()


@pytest.fixture
async def fetched() -> AsyncIterator[tuple[list[str], httpx.AsyncClient]]:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if "missing" in str(request.url):
            return httpx.Response(404)
        return httpx.Response(200, content=sound(kind="MP3"))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        yield asked, client


async def test_the_sound_is_played_and_fetched_once(fetched: tuple[list[str], httpx.AsyncClient]) -> None:
    asked, client = fetched
    voice = ClipVoice(ToneVoice(), client, URL)
    await voice.prepare()
    chunks = [chunk async for chunk in voice.speak(URL)]
    samples = sum(len(chunk.pcm) for chunk in chunks) // 2
    assert 3800 < samples < 4600
    assert [(word.text, word.end) for chunk in chunks for word in chunk.words] == [(URL, samples)]
    assert asked == [URL]


async def test_other_texts_are_the_voices(fetched: tuple[list[str], httpx.AsyncClient]) -> None:
    asked, client = fetched
    assert [chunk async for chunk in ClipVoice(ToneVoice(), client, URL).speak("Hello there.")]
    assert asked == []


async def test_a_sound_that_is_not_there_is_a_failure(fetched: tuple[list[str], httpx.AsyncClient]) -> None:
    with pytest.raises(ProviderError, match="404"):
        await ClipVoice(ToneVoice(), fetched[1], "https://cdn.example.com/missing.wav").prepare()


async def test_a_sound_in_our_own_networks_is_not_fetched() -> None:
    async with guarded_client() as client:
        with pytest.raises(ProviderBadRequest, match="may not be fetched"):
            await ClipVoice(ToneVoice(), client, "http://127.0.0.1:1/hello.wav").prepare()


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(ProviderBadRequest, match="no sound file"):
        telephone_audio(b"<html>")
    with pytest.raises(ProviderBadRequest, match="longer than"):
        telephone_audio(sound(seconds=121, rate=1000))


def test_only_a_url_alone_is_a_sound() -> None:
    assert is_clip(URL)
    assert not is_clip(f"See {URL}")
    assert not is_clip("Hello")
