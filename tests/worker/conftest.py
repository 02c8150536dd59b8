"""Audio that a voice activity detector takes for speech."""

from __future__ import annotations

import asyncio

import pytest

from gateway.assistant.provider_settings import VoiceSettings
from gateway.media.audio import FRAME_BYTES
from gateway.providers.registry import Providers
from tests.worker.fakes import rms


@pytest.fixture(scope="session")
def speech() -> bytes:
    """A short sentence by the embedded voice, 8 kHz s16le, without silence around it."""

    async def speak() -> bytes:
        voice = Providers().voice(VoiceSettings(provider="hibari"))
        return b"".join([chunk.pcm async for chunk in voice.speak("Could you tell me the time please?")])

    pcm = asyncio.run(speak())
    frames = [pcm[i : i + FRAME_BYTES] for i in range(0, len(pcm), FRAME_BYTES)]
    loud = [index for index, frame in enumerate(frames) if rms(frame) > 300]
    return b"".join(frames[loud[0] : loud[-1] + 1])
