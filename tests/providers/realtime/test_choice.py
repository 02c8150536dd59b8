"""What an assistant with a model that speaks by itself is made of."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.assistant.assistant import Assistant
from gateway.errors import ConfigError
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.realtime.choice import Choice
from gateway.providers.realtime.openai import OpenAiRealtime
from gateway.providers.registry import Providers

KEY = Credentials([Credential(provider="openai", api_key="a-key")], environ={})


def assistant(**fields: Any) -> Assistant:
    model = {"provider": "openai", "model": "gpt-realtime", **fields.pop("model", {})}
    return Assistant.model_validate({"model": model, **fields})


def test_without_a_voice_it_has_openais() -> None:
    one = assistant()
    assert (one.voice.provider, one.voice.options["voiceId"]) == ("openai", "marin")
    assert [voice.provider for voice in one.voice.chain] == ["openai", "hibari"]
    assert Assistant.model_validate_json(one.model_dump_json(by_alias=True)) == one


def test_a_model_that_writes_has_the_voice_of_any_other() -> None:
    plain = Assistant.model_validate({"model": {"provider": "openai", "model": "gpt-4.1"}})
    assert (plain.model.speaks, plain.voice.provider) == (False, "hibari")


def test_voice_and_transcriber_of_openais_are_the_sessions() -> None:
    heard = {"provider": "openai", "model": "gpt-4o-transcribe", "language": "de"}
    chosen = Choice.of(assistant(voice={"provider": "openai", "voiceId": "cedar"}, transcriber=heard))
    assert (chosen.voice, chosen.transcriber, chosen.language) == ("cedar", "gpt-4o-transcribe", "de")


def test_those_of_others_are_not() -> None:
    others = {"voice": {"provider": "hibari"}, "transcriber": {"provider": "deepgram", "model": "nova-3"}}
    assert Choice.of(assistant(**others)) == Choice({"model": "gpt-realtime"})


def test_it_is_shared_by_those_who_want_the_same() -> None:
    providers = Providers(KEY)
    stages = providers.stages(assistant())
    assert isinstance(stages.model, OpenAiRealtime)
    assert providers.stages(assistant(firstMessage="Hello.")).model is stages.model
    assert providers.stages(assistant(voice={"provider": "openai", "voiceId": "echo"})).model is not stages.model


def test_without_a_key_it_says_where_one_goes() -> None:
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        Providers(Credentials(environ={})).stages(assistant(voice={"provider": "hibari"}))


@pytest.mark.parametrize("wrong", [{"maxTokens": 0}, {"speed": 2}])
def test_a_wrong_option_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="option"):
        Providers(KEY).stages(assistant(model=wrong))


def test_it_cannot_stand_in_for_a_model_that_writes() -> None:
    plan = {"models": [{"provider": "openai", "model": "gpt-realtime"}]}
    written = Assistant.model_validate({"model": {"provider": "openai", "model": "gpt-4.1", "fallbackPlan": plan}})
    with pytest.raises(ConfigError, match='"gpt-realtime" hears and speaks by itself'):
        Providers(KEY).model(written.model)
