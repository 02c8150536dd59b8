"""What goes to Deepgram's Aura, and how often one connection is flushed."""

from __future__ import annotations

import json

import pytest

from gateway.providers.tts.deepgram import Options, model_of
from tests.providers.emulators.deepgram_speak import DeepgramSpeakEmulator
from tests.providers.tts.speaking import speak, talking


@pytest.mark.parametrize(
    ("voice", "model", "expected"),
    [
        ("thalia", "aura-2", "aura-2-thalia-en"),
        ("thalia", None, "aura-2-thalia-en"),
        ("asteria", "aura", "aura-asteria-en"),
        ("asteria", None, "aura-2-asteria-en"),
        ("angus", None, "aura-angus-en"),
        ("celeste", "aura-2", "aura-2-celeste-es"),
        ("viktoria", None, "aura-2-viktoria-de"),
        ("somebody", "aura-2", "aura-2-somebody-en"),
        ("aura-2-somebody-ja", None, "aura-2-somebody-ja"),
    ],
)
def test_voice_and_model_are_one_name_at_deepgram(voice: str, model: str | None, expected: str) -> None:
    assert model_of(Options(voice_id=voice, model=model)) == expected


async def test_every_setting_reaches_the_provider() -> None:
    emulator = DeepgramSpeakEmulator()
    async with talking("deepgram", emulator, voiceId="luna", model="aura-2", mipOptOut=True) as voice:
        spoken = await speak(voice, "hello one")
    seen = next(seen for seen in emulator.seen if seen.messages)
    assert seen.query == {
        "model": "aura-2-luna-en",
        "encoding": "mulaw",
        "sample_rate": "8000",
        "mip_opt_out": "true",
    }
    assert [json.loads(message) for message in seen.messages] == [
        {"type": "Speak", "text": "hello one"},
        {"type": "Flush"},
    ]
    assert [(usage.provider, usage.model) for usage in spoken.usage] == [("deepgram", "aura-2")]


async def test_a_connection_is_replaced_before_it_is_flushed_too_often() -> None:
    emulator = DeepgramSpeakEmulator()
    async with talking("deepgram", emulator, voiceId="thalia") as voice:
        for _ in range(45):
            assert (await speak(voice, "yes")).heard == ["yes"]
    flushes = [sum("Flush" in str(message) for message in seen.messages) for seen in emulator.seen]
    assert sum(flushes) == 45
    assert max(flushes) < 20
