"""Audio that a voice activity detector takes for speech."""

from __future__ import annotations

import asyncio

import pytest

from gateway.assistant import ProviderSettings
from gateway.providers import registry


@pytest.fixture(scope="session")
def speech() -> bytes:
    """A short sentence by the embedded voice, 8 kHz s16le."""

    async def speak() -> bytes:
        voice = registry.make_voice(ProviderSettings(provider="hibari"))
        return b"".join([chunk.pcm async for chunk in voice.speak("Could you tell me the time please?")])

    return asyncio.run(speak())
