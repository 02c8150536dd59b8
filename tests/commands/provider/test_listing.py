"""The list of providers."""

from __future__ import annotations

import json
from typing import Literal

import pytest

from gateway.commands.provider import listing
from gateway.commands.provider.names import StageName
from gateway.commands.provider.stages import STAGES, Chosen, choose
from gateway.errors import ConfigError
from gateway.providers import catalogue
from gateway.providers.catalogue import BY_STAGE, Entry
from gateway.providers.credentials import VARIABLES, Credential, Credentials
from gateway.providers.options import ProviderOptions
from gateway.settings import Settings

KEYED = Settings(credentials=[Credential.model_validate({"provider": "gladia", "apiKey": "s3cret"})])


class Options(ProviderOptions):
    model: Literal["fast", "exact"] | None = None


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for names in catalogue.BY_STAGE.values():
        for name in names:
            for variable in VARIABLES.get(name, ()):
                monkeypatch.delenv(variable, raising=False)


def test_json_has_every_provider_under_its_stage(capsys: pytest.CaptureFixture[str]) -> None:
    listing.run(KEYED, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown == {str(stage): list(BY_STAGE[STAGES[stage]]) for stage in StageName}
    listing.run(KEYED, as_json=True, details=True)
    detailed = json.loads(capsys.readouterr().out)
    assert {stage: [one["provider"] for one in providers] for stage, providers in detailed.items()} == shown


def test_a_key_is_told_by_its_place_and_never_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "s3cret")
    for as_json in (True, False):
        listing.run(KEYED, as_json=as_json, details=True)
    out = capsys.readouterr().out
    assert "s3cret" not in out
    keys = {one["provider"]: one["key"] for one in json.loads(out[: out.index("\n}\n") + 3])["stt"]}
    assert keys["gladia"] == "settings"
    assert keys["deepgram"] == "DEEPGRAM_API_KEY"
    assert keys["openai"] == "missing"
    assert keys["embedded"] == "not needed"
    assert "missing: OPENAI_API_KEY" in out


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"absent": Entry("gateway.providers.stt.absent", extra="absent"), "here": Entry(__name__)}
    monkeypatch.setitem(catalogue.BY_STAGE, "transcriber", places)
    absent, here = listing.listed(StageName.STT, Credentials(environ={}))
    assert (absent.installed, absent.ready) == (False, False)
    assert (here.installed, here.ready) == (True, True)
    assert (here.model, here.models) == (None, ("fast", "exact"))


def test_the_embedded_transcriber_tells_its_models() -> None:
    embedded = listing.listed(StageName.STT, Credentials(environ={}))[0]
    assert embedded.embedded
    assert embedded.model == "embedded"
    assert set(embedded.models) == {"embedded", "whisper", "moonshine"}


@pytest.mark.parametrize(
    ("name", "stage", "expected"),
    [
        ("anthropic", None, Chosen(StageName.LLM, "anthropic")),
        ("stt/deepgram", None, Chosen(StageName.STT, "deepgram")),
        ("deepgram", StageName.TTS, Chosen(StageName.TTS, "deepgram")),
        ("my.models:Sales", StageName.LLM, Chosen(StageName.LLM, "my.models:Sales")),
        ("llm/my.models:Sales", None, Chosen(StageName.LLM, "my.models:Sales")),
    ],
)
def test_a_provider_is_chosen_by_name_and_stage(name: str, stage: StageName | None, expected: Chosen) -> None:
    assert choose(name, stage) == expected


@pytest.mark.parametrize(
    ("name", "stage", "sentence"),
    [
        ("deepgram", None, "write stt/deepgram or tts/deepgram"),
        ("deepgrm", None, "no provider"),
        ("anthropic", StageName.TTS, "no tts provider"),
    ],
)
def test_a_name_that_is_not_one_provider_is_explained(name: str, stage: StageName | None, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        choose(name, stage)
