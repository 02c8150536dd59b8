"""What a voice says in the place of what is written: Vapi's chunkPlan and formatPlan."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.assistant.provider_settings import VoiceSettings
from gateway.conversation.clauses import USUAL, Cutting
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.registry import Providers
from gateway.providers.tts.rewording import reworded
from tests.providers.emulators.custom_voice import CustomVoiceServer
from tests.providers.emulators.emulator import running


def voice(*replacements: dict[str, Any], **plan: Any) -> VoiceSettings:
    formats = {"formatPlan": {"replacements": list(replacements)}} if replacements else {}
    return VoiceSettings.model_validate(
        {
            "provider": "custom-voice",
            "server": {"url": "https://voice.example.com"},
            "chunkPlan": {**formats, **plan},
        }
    )


@pytest.mark.parametrize(
    ("replacement", "text", "said"),
    [
        ({"type": "exact", "key": "AI", "value": "A I"}, "AI and AI", "A I and AI"),
        ({"type": "exact", "key": "AI", "value": "A I", "replaceAllEnabled": True}, "AI and AI", "A I and A I"),
        (
            {"type": "regex", "regex": r"(\d+)\s?km", "value": "$1 kilometres"},
            "3km, 40 km",
            "3 kilometres, 40 kilometres",
        ),
        ({"type": "regex", "regex": "cost", "value": "$$5 $& $7"}, "a cost", "a $5 cost $7"),
        (
            {
                "type": "regex",
                "regex": "ann",
                "value": "Anne",
                "options": [{"type": "ignore-case", "enabled": True}, {"type": "whole-word", "enabled": True}],
            },
            "Ann sang annually",
            "Anne sang annually",
        ),
        (
            {"type": "regex", "regex": "A", "value": "b", "options": [{"type": "ignore-case", "enabled": False}]},
            "aA",
            "ab",
        ),
    ],
)
def test_replacements_are_made_as_javascript_makes_them(replacement: dict[str, Any], text: str, said: str) -> None:
    assert reworded(text, voice(replacement).replacements) == said


def test_an_expression_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="missing"):
        voice({"type": "regex", "regex": "(", "value": ""})


def test_a_plan_says_where_to_cut() -> None:
    assert VoiceSettings(provider="hibari").cutting == USUAL
    assert voice().cutting == Cutting(least=30)
    plan = voice(enabled=False, minCharacters=5, punctuationBoundaries=[".", "。"])
    assert plan.cutting == Cutting(whole=True, least=5, marks=(".", "。"))


def test_a_voice_that_stands_in_may_have_vapis_plan_and_cache() -> None:
    stand_in = {"provider": "hibari", "cachingEnabled": False, "chunkPlan": {"minCharacters": 10}}
    [_, other] = VoiceSettings.model_validate({"provider": "hibari", "fallbackPlan": {"voices": [stand_in]}}).chain
    assert other.options == {}


def test_a_plan_of_vapis_is_taken_whole() -> None:
    formats = {"enabled": True, "numberToDigitsCutoff": 2025, "formattersEnabled": ["markdown", "email"]}
    assert voice(formatPlan={**formats, "replacements": []}).replacements == []
    off = voice(formatPlan={"enabled": False, "replacements": [{"type": "exact", "key": "a", "value": "b"}]})
    assert off.replacements == ()


async def test_the_voice_gets_the_text_as_it_is_to_be_said() -> None:
    emulator = CustomVoiceServer()
    async with running(emulator):
        given = {"provider": "custom-voice", "apiKey": emulator.key, "apiUrl": emulator.url}
        providers = Providers(Credentials([Credential.model_validate(given)], environ={}))
        speaking = providers.voice(voice({"type": "exact", "key": "Parley", "value": "par lay"}))
        assert [chunk async for chunk in speaking.speak("This is Parley.")]
        await providers.close()
    assert emulator.seen[0].json["message"]["text"] == "This is par lay."
