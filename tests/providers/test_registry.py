"""Providers by name, by class, shared, and what is said of wrong settings."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.assistant.assistant import Assistant, Model
from gateway.assistant.provider_settings import ProviderSettings, TranscriberSettings, VoiceSettings
from gateway.errors import ConfigError
from gateway.providers import registry
from gateway.providers.base import VoiceActivityDetector
from gateway.providers.credentials import Credentials
from gateway.providers.llm.dialogue import DialogueModel
from gateway.providers.registry import Providers, make_detector

DEMO = str(Path(__file__).parents[2] / "config" / "dialogues" / "demo.yaml")
OWN = f"{__name__}:Own"


class Own:
    """A provider of a user's own."""

    def __init__(self, *, size: int = 1) -> None:
        self.size = size
        self.warm = 0

    async def warm_up(self) -> None:
        self.warm += 1


class Slow:
    """A provider that takes a while to make."""

    def __init__(self) -> None:
        threading.Event().wait(0.05)


@pytest.fixture
def providers() -> Providers:
    return Providers(Credentials(environ={}))


def settings(provider: str, **options: Any) -> ProviderSettings:
    return ProviderSettings.model_validate({"provider": provider, **options})


def test_a_class_is_made_with_its_options_and_shared(providers: Providers) -> None:
    first = providers.make("voice", settings(OWN, size=3))
    assert isinstance(first, Own)
    assert first.size == 3
    assert providers.make("voice", settings(OWN, size=3)) is first
    assert providers.make("voice", settings(OWN, size=4)) is not first
    assert providers.make("transcriber", settings(OWN, size=3)) is not first


def test_two_threads_that_want_the_same_get_one(providers: Providers) -> None:
    at_once = threading.Barrier(4)

    def make() -> object:
        at_once.wait(5)
        return providers.voice(VoiceSettings(provider=f"{__name__}:Slow"))

    with ThreadPoolExecutor(4) as threads:
        made = [threads.submit(make) for _ in range(4)]
        assert len({id(one.result()) for one in made}) == 1


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ("elevenlabs", r'There is no voice provider "elevenlabs"; write one of .*hibari.*, or "package\.module:Class"'),
        ("no.such.module:Voice", r'"no\.such\.module:Voice" cannot be imported: No module named'),
        (f"{__name__}:Absent", "cannot be imported: .*Absent"),
    ],
)
def test_an_unknown_provider_is_answered_with_what_there_is(providers: Providers, provider: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        providers.make("voice", settings(provider))


@pytest.mark.parametrize(
    ("stage", "wrong", "message"),
    [
        ("voice", settings(OWN, colour="red"), "does not take these options: .*colour"),
        ("voice", settings("hibari", voiceId="paul"), "The provider option voiceId is wrong: "),
        ("voice", settings("hibari", speed=9), "The provider option speed is wrong: "),
        ("transcriber", settings("embedded", language="fr"), "The provider option language is wrong: "),
        ("model", settings("dialogue", file=5), "The provider option file is wrong: "),
        ("model", settings("custom-llm"), "The provider option model is wrong: Field required"),
        ("model", settings("openai", model="gpt-4o"), 'model provider "openai" needs a key: set OPENAI_API_KEY, or '),
    ],
)
def test_a_wrong_option_is_named(providers: Providers, stage: Any, wrong: ProviderSettings, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        providers.make(stage, wrong)


def test_a_package_that_is_missing_is_named_with_the_command_that_brings_it(
    providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'piper'", name="piper")

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(ConfigError, match=r'"piper" needs .* \(piper\): pip install "parley-gateway\[piper\]"'):
        providers.make("voice", settings("piper"))


def test_an_embedded_model_stands_alone(providers: Providers) -> None:
    model = providers.model(Model.model_validate({"provider": "dialogue", "file": DEMO}))
    assert isinstance(model, DialogueModel)


@pytest.mark.parametrize(("environ", "provider"), [({}, "embedded"), ({"DEEPGRAM_API_KEY": "k"}, "deepgram")])
def test_the_default_transcriber_is_deepgram_where_it_has_a_key(environ: dict[str, str], provider: str) -> None:
    assert Providers(Credentials(environ=environ)).default_transcriber().provider == provider


async def test_warm_up_reaches_the_providers_of_every_assistant(
    providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        window_ms = 32.0

        def push(self, pcm: bytes) -> list[float]:
            return []

    def silent() -> VoiceActivityDetector:
        return Silent()

    monkeypatch.setattr(registry, "make_detector", silent)
    own = {"provider": OWN, "size": 77}
    assistant = Assistant.model_validate({"transcriber": own, "model": own, "voice": own})
    await providers.warm_up([assistant])
    provider = providers.make("voice", settings(OWN, size=77))
    assert isinstance(provider, Own)
    assert provider.warm == 1


@pytest.mark.models
async def test_the_embedded_providers_are_made_and_warmed(providers: Providers) -> None:
    await providers.warm_up([Assistant(model=Model.model_validate({"provider": "dialogue", "file": DEMO}))])
    assert make_detector() is not make_detector()
    chosen = TranscriberSettings(provider="embedded")
    assert providers.transcriber(chosen) is providers.transcriber(chosen)
    assert providers.voice(VoiceSettings(provider="hibari")) is providers.voice(VoiceSettings(provider="hibari"))


def test_servers_of_different_users_have_a_health_of_their_own(providers: Providers) -> None:
    for host in ("one.example.com", "two.example.com", "two.example.com:9000"):
        server = {"url": f"wss://user:secret@{host}/listen"}
        providers.transcriber(TranscriberSettings.model_validate({"provider": "custom-transcriber", "server": server}))
    names = {circuit.name for circuit in providers.health}
    assert names == {
        f"custom-transcriber {host}" for host in ("one.example.com", "two.example.com", "two.example.com:9000")
    }
