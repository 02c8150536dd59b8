"""What goes to ElevenLabs, held against the official SDK's own types, and what is made of its letters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from elevenlabs.types import (
    Alignment,
    AudioOutputMulti,
    CloseContext,
    FlushContext,
    InitializeConnectionMulti,
    WebsocketTtsClientMessageMulti,
)

from gateway.errors import ConfigError, ProviderQuota
from gateway.providers.tts.elevenlabs import Letters
from tests.providers.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.tts.speaking import speak, talking, voice_of

EVERYTHING: dict[str, Any] = {
    "voiceId": "21m00Tcm4TlvDq8ikWAM",
    "model": "eleven_turbo_v2_5",
    "language": "de",
    "stability": 0.4,
    "similarityBoost": 0.7,
    "style": 0.1,
    "useSpeakerBoost": True,
    "speed": 1.1,
    "optimizeStreamingLatency": 3,
    "enableSsmlParsing": True,
    "autoMode": False,
    "pronunciationDictionaryLocators": [{"pronunciationDictionaryId": "dictionary", "versionId": "version"}],
}


async def sent(**options: Any) -> tuple[str, dict[str, str], list[dict[str, Any]]]:
    """Path, query and messages of the connection that spoke a text."""
    emulator = ElevenLabsEmulator()
    async with talking("11labs", emulator, **options) as voice:
        await speak(voice, "hello one")
    seen = next(seen for seen in emulator.seen if seen.messages)
    return seen.path, seen.query, [json.loads(message) for message in seen.messages]


async def test_every_setting_reaches_the_provider() -> None:
    path, query, messages = await sent(**EVERYTHING)
    assert path == "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/multi-stream-input"
    assert query == {
        "model_id": "eleven_turbo_v2_5",
        "output_format": "pcm_8000",
        "language_code": "de",
        "enable_ssml_parsing": "true",
        "optimize_streaming_latency": "3",
        "inactivity_timeout": "180",
        "sync_alignment": "true",
        "auto_mode": "false",
    }
    assert messages[0]["voice_settings"] == {
        "stability": 0.4,
        "similarity_boost": 0.7,
        "style": 0.1,
        "use_speaker_boost": True,
        "speed": 1.1,
    }
    assert messages[0]["pronunciation_dictionary_locators"] == [
        {"pronunciation_dictionary_id": "dictionary", "version_id": "version"}
    ]


async def test_the_messages_are_those_of_the_official_sdk() -> None:
    _, _, (first, text, close) = await sent(**EVERYTHING)
    for message, kind in ((first, InitializeConnectionMulti), (text, FlushContext), (close, CloseContext)):
        assert message.keys() <= kind.model_fields.keys()
        assert message.keys() - {"context_id"} <= WebsocketTtsClientMessageMulti.model_fields.keys()
        kind.model_validate(message)
    assert (text["text"], text["flush"]) == ("hello one ", True)
    assert len({message["context_id"] for message in (first, text, close)}) == 1


def test_the_emulator_answers_as_the_official_sdk_expects() -> None:
    for message in ElevenLabsEmulator().messages("hello one"):
        parsed = AudioOutputMulti.model_validate(message)
        assert message.keys() - {"isFinal"} <= {
            info.alias or name for name, info in AudioOutputMulti.model_fields.items()
        }
        assert parsed.alignment is not None
        assert set(message["alignment"]) == {info.alias or name for name, info in Alignment.model_fields.items()}


async def test_a_named_voice_of_vapis_is_known() -> None:
    path, query, _ = await sent(voiceId="sarah", model="eleven_multilingual_v2", language="de")
    assert "/EXAVITQu4vr4xnSDxMaL/" in path
    assert "language_code" not in query  # this model refuses one


async def test_words_that_are_spoken_otherwise_have_the_time_of_what_was_spoken() -> None:
    text, spoken = "you pay $9.99 today", "you pay nine dollars today"
    async with talking("11labs", ElevenLabsEmulator(spoken={text: spoken}), voiceId="sarah") as voice:
        words = (await speak(voice, text)).words
    assert [word.text for word in words] == text.split()
    assert [round(word.start / 1920) for word in words] == [0, 1, 2, 4]
    assert round((words[2].end - 1600) / 1920) == 3


async def test_a_message_of_an_error_is_the_providers_reason() -> None:
    emulator = ElevenLabsEmulator(refuses=("quota_exceeded", "This request exceeds your quota of 10000."))
    async with talking("11labs", emulator, voiceId="sarah") as voice:
        with pytest.raises(ProviderQuota, match="This request exceeds your quota of 10000"):
            await speak(voice, "hello")


@pytest.mark.parametrize("options", [{}, {"voiceId": "sarah", "stability": 1.5}, {"voiceId": "sarah", "pitch": 1}])
def test_wrong_settings_are_refused_when_the_voice_is_made(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        voice_of("11labs", ElevenLabsEmulator(), **options)


def test_a_word_may_come_in_two_messages() -> None:
    letters = Letters()
    first: dict[str, list[Any]] = {
        "chars": list("one tw"),
        "charStartTimesMs": list(range(0, 60, 10)),
        "charDurationsMs": [10] * 6,
    }
    second: dict[str, list[Any]] = {"chars": list("o"), "charStartTimesMs": [0], "charDurationsMs": [10]}
    heard = [*letters.hear(first, 0), *letters.hear(second, 60), *letters.rest()]
    assert [(word.text, word.start, word.end) for word in heard] == [("one", 0, 30), ("two", 40, 70)]
    assert letters.rest() == ()
