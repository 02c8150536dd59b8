"""Providers by name, by class, shared, and what is said of wrong settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.assistant.assistant import Assistant, Model, ProviderSettings
from gateway.errors import ConfigError
from gateway.providers import registry
from gateway.providers.base import VoiceActivityDetector
from gateway.providers.llm.dialogue import DialogueModel
from gateway.providers.llm.openai_compatible import OpenAiCompatibleModel
from gateway.providers.registry import make_detector, make_model, make_transcriber, make_voice, warm_up

DEMO = str(Path(__file__).parents[2] / "config" / "dialogues" / "demo.yaml")
OWN = f"{__name__}:Own"


class Own:
    """A provider of a user's own."""

    def __init__(self, *, size: int = 1) -> None:
        self.size = size
        self.warm = 0

    async def warm_up(self) -> None:
        self.warm += 1


def settings(provider: str, **options: Any) -> ProviderSettings:
    return ProviderSettings.model_validate({"provider": provider, **options})


def test_a_class_is_made_with_its_options_and_shared() -> None:
    first: Any = make_voice(settings(OWN, size=3))
    again: object = make_voice(settings(OWN, size=3))
    assert isinstance(first, Own)
    assert first.size == 3
    assert first is again
    assert make_voice(settings(OWN, size=4)) is not first
    other_kind: object = make_transcriber(settings(OWN, size=3))
    assert other_kind is not first


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ("elevenlabs", r'There is no voice provider "elevenlabs"; write one of hibari, or "package\.module:Class"'),
        ("no.such.module:Voice", r'"no\.such\.module:Voice" cannot be imported: No module named'),
        (f"{__name__}:Absent", "cannot be imported: .*Absent"),
    ],
)
def test_an_unknown_provider_is_answered_with_what_there_is(provider: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_voice(settings(provider))


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (make_voice, settings(OWN, colour="red"), "does not take these options: .*colour"),
        (make_voice, settings("hibari", voiceId="paul"), "The provider option voiceId is wrong: "),
        (make_voice, settings("hibari", speed=9), "The provider option speed is wrong: "),
        (make_transcriber, settings("embedded", language="fr"), "The provider option language is wrong: "),
        (make_model, Model(provider="dialogue"), "The provider option file is wrong: Field required"),
        (make_model, Model(provider="openai"), "The provider option model is wrong: Field required"),
    ],
)
def test_a_wrong_option_is_named(make: Any, wrong: ProviderSettings, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(wrong)


def test_language_models_are_found_by_name() -> None:
    openai = {"model": "tiny", "url": "http://127.0.0.1:1/v1"}
    assert isinstance(make_model(Model.model_validate({"provider": "dialogue", "file": DEMO})), DialogueModel)
    for name in ("openai", "custom-llm"):
        assert isinstance(make_model(Model.model_validate({"provider": name, **openai})), OpenAiCompatibleModel)


async def test_warm_up_reaches_the_providers_of_every_assistant(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        window_ms = 32.0

        def push(self, pcm: bytes) -> list[float]:
            return []

    def silent() -> VoiceActivityDetector:
        return Silent()

    monkeypatch.setattr(registry, "make_detector", silent)
    own = {"provider": OWN, "size": 77}
    assistant = Assistant.model_validate({"transcriber": own, "model": own, "voice": own})
    await warm_up([assistant])
    provider = make_voice(settings(OWN, size=77))
    assert isinstance(provider, Own)
    assert provider.warm == 1


@pytest.mark.models
async def test_the_embedded_providers_are_made_and_warmed() -> None:
    await warm_up([Assistant(model=Model.model_validate({"provider": "dialogue", "file": DEMO}))])
    assert make_detector() is not make_detector()
    assert make_transcriber(settings("embedded")) is make_transcriber(settings("embedded"))
