"""What goes to PlayHT, and answers that are none."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import ConfigError, ProviderAuthentication, ProviderUnavailable
from gateway.providers.credentials import Credential
from gateway.providers.tts import playht
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.playht import PlayHTEmulator
from tests.providers.tts.speaking import Spoken, speak, talking, voice_of


async def test_every_setting_reaches_the_provider() -> None:
    settings: dict[str, Any] = {
        "model": "PlayDialog",
        "language": "german",
        "speed": 1.2,
        "temperature": 0.5,
        "emotion": "female_happy",
        "voiceGuidance": 3,
        "styleGuidance": 20,
        "textGuidance": 1,
    }
    emulator = PlayHTEmulator()
    async with talking("playht", emulator, voiceId="jennifer", **settings) as voice:
        spoken = await speak(voice, "hello one")
    assert emulator.seen[-1].json == {
        "text": "hello one",
        "voice": "s3://voice-cloning-zero-shot/801a663f-efd0-4254-98d0-5c175514c3e8/jennifer/manifest.json",
        "voice_engine": "PlayDialog",
        "output_format": "mulaw",
        "sample_rate": 8000,
        "language": "german",
        "speed": 1.2,
        "temperature": 0.5,
        "emotion": "female_happy",
        "voice_guidance": 3,
        "style_guidance": 20,
        "text_guidance": 1,
    }
    assert spoken.heard == ["hello", "one"]
    assert [(usage.provider, usage.model, usage.characters) for usage in spoken.usage] == [("playht", "PlayDialog", 9)]


async def test_a_stream_without_audio_is_a_failure() -> None:
    emulator = PlayHTEmulator()
    emulator.fault = Fault(Kind.ZERO_AUDIO)
    async with talking("playht", emulator, voiceId="jennifer") as voice:
        with pytest.raises(ProviderUnavailable, match="sent no audio"):
            await speak(voice, "hello")


async def test_a_key_of_another_user_is_refused() -> None:
    spoken = Spoken()
    async with talking("playht", PlayHTEmulator(user="somebody"), voiceId="jennifer") as voice:
        with pytest.raises(ProviderAuthentication):
            await speak(voice, "hello", spoken=spoken)
    assert spoken.usage == []


def test_a_user_id_is_needed() -> None:
    with pytest.raises(ConfigError, match="PLAYHT_USER_ID"):
        playht.make(playht.Options(voice_id="jennifer"), Credential(provider="playht", api_key=SecretStr("key")))


def test_wrong_settings_are_refused_when_the_voice_is_made() -> None:
    with pytest.raises(ConfigError):
        voice_of("playht", PlayHTEmulator(), voiceId="jennifer", speed=9)
