"""`parley provider test` and `bench`, as a user sees them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.assistant.assistant import Assistant
from gateway.call.prices import PriceBook
from gateway.commands.provider import benching, testing
from gateway.commands.provider.attempt import Material
from gateway.commands.provider.benching import Plan, configured, recordings
from gateway.commands.provider.chosen import read_options, with_options
from gateway.commands.provider.score import Case, score
from gateway.commands.provider.stages import choose
from gateway.commands.provider.trials import Trial
from gateway.errors import ConfigError
from gateway.providers.credentials import VARIABLES, Credential
from gateway.providers.usage import Usage
from gateway.settings import Settings
from gateway.sip.softphone_audio import write_mono
from tests.commands.provider.test_trials import SPEECH, candidate, reaching
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_chat import OpenAiChat


@pytest.fixture(autouse=True)
def as_in_a_command(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without keys of this machine, and with warnings alone in the log."""
    for variable in (name for names in VARIABLES.values() for name in names):
        monkeypatch.delenv(variable, raising=False)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.reset_defaults()


async def shown(settings: Settings, *, as_json: bool = False, **options: Any) -> None:
    one = candidate("llm/openai", **options)
    await asyncio.to_thread(testing.run, settings, one, text="hello there", seconds=5, as_json=as_json)


async def test_a_test_prints_its_parts_and_its_cost(capsys: pytest.CaptureFixture[str]) -> None:
    emulator = OpenAiChat()
    async with running(emulator):
        await shown(reaching("openai", emulator.api_url), model="gpt-4.1-mini")
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["llm/openai", "gpt-4.1-mini: works"]
    names = [" ".join(line).split("  ")[0] for line in lines[1:]]
    assert names[-4:] == ["asked hello there", *names[-3:]]
    assert [name.split()[0] for name in names] == ["connected", "first", "whole", "asked", "answered", "used", "cost"]
    assert emulator.key not in str(lines)


async def test_a_test_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    emulator = OpenAiChat()
    async with running(emulator):
        await shown(reaching("openai", emulator.api_url), model="of-my-own", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["stage"], told["provider"], told["model"]) == ("llm", "openai", "of-my-own")
    assert set(told["ms"]) == {"connected", "first token", "whole"}
    assert told["cost"] is None, "nobody knows what this model costs"


async def test_a_missing_option_is_told_with_where_it_goes() -> None:
    with pytest.raises(ConfigError, match=r"model is wrong: Field required. .* --model NAME"):
        await shown(Settings())


def test_options_may_be_json() -> None:
    assert read_options(["voiceId=sarah", "speed=1.2", "boosts=[1, 2]", "on=true"]) == {
        "voiceId": "sarah",
        "speed": 1.2,
        "boosts": [1, 2],
        "on": True,
    }
    with pytest.raises(ConfigError, match="expected NAME=VALUE"):
        read_options(["sarah"])


SHOP = Settings(
    credentials=[Credential.model_validate({"provider": "gladia", "apiKey": "k"})],
    assistants={
        "shop": Assistant.model_validate(
            {
                "model": {"provider": "openai", "model": "gpt-4o", "fallbackModels": ["gpt-4o-mini"]},
                "voice": {"provider": "11labs", "voiceId": "sarah"},
            }
        )
    },
)


def test_what_is_configured_is_compared() -> None:
    assert [str(one) for one in configured(SHOP)] == [
        "stt/embedded",
        "llm/openai gpt-4o",
        "llm/openai gpt-4o-mini",
        "tts/11labs sarah",
        "stt/gladia",
    ]


def test_an_assistants_settings_are_those_of_the_test() -> None:
    assert str(with_options(choose("11labs"), SHOP, {})) == "tts/11labs sarah"
    assert str(with_options(choose("11labs"), SHOP, {"voiceId": "adam"})) == "tts/11labs adam"


async def test_providers_are_compared_and_failures_told(capsys: pytest.CaptureFixture[str]) -> None:
    emulator, broken = OpenAiChat(), OpenAiChat(key="another")
    async with running(emulator), running(broken):
        settings = Settings(
            credentials=[
                *reaching("openai", emulator.api_url).credentials,
                *reaching("groq", broken.api_url).credentials,
            ]
        )
        named = [candidate("llm/openai", model="gpt-4.1-mini"), candidate("groq", model="openai/gpt-oss-20b")]
        await asyncio.to_thread(benching.run, settings, named, Plan(runs=2), as_json=True)
        await asyncio.to_thread(benching.run, settings, named, Plan(runs=1), as_json=False)
    out = capsys.readouterr().out
    fast, refused = json.JSONDecoder().raw_decode(out)[0]["scores"]
    assert (fast["trials"], fast["failures"]) == (2 * len(benching.QUESTIONS), [])
    assert 0 < fast["first_ms"] <= fast["whole_ms"]
    assert fast["word_error_rate"] is None
    assert fast["cost_per_minute"] > 0
    assert refused["trials"] == 0
    assert len(refused["failures"]) == benching.GIVEN_UP_AFTER, "it is not asked for ever"
    assert "groq openai/gpt-oss-20b  0 of 3" in out
    assert "401" in out
    assert "Medians over all trials" in out


def test_word_errors_and_costs_are_of_all_trials() -> None:
    def case(heard: str, ms: float) -> Case:
        usage = Usage("transcriber", "deepgram", "nova-3", seconds=30)
        return Case(Trial({"transcript": ms}, heard, usage=[usage]), "my number is 42", heard, audio_seconds=20)

    cases = [case("my number is forty two", 100), case("my umber is forty", 300), case("", 200)]
    one = score(candidate("stt/deepgram"), cases, ["it broke"], PriceBook())
    assert one.word_error_rate == (0 + 2 + 5) / 15
    assert (one.whole, one.first) == (200, None)
    assert one.cost_per_minute == Decimal("0.0048") * Decimal("1.5"), "billed for more than the speech"


def test_a_models_cost_is_of_answers() -> None:
    usage = Usage("model", "openai", "gpt-4o", prompt_tokens=1_000_000)
    cases = [Case(Trial({"whole": 10}, usage=[usage]))] * 2
    assert score(candidate("llm/openai", model="gpt-4o"), cases, [], PriceBook()).cost_per_minute == 4 * Decimal("2.5")


def test_recordings_are_sound_files_with_their_text(tmp_path: Path) -> None:
    write_mono(tmp_path / "one.wav", SPEECH)
    with pytest.raises(ConfigError, match="holds no sound file"):
        list(recordings(tmp_path))
    (tmp_path / "one.txt").write_text("one two three four five\n")
    assert list(recordings(tmp_path)) == [Material("one two three four five", SPEECH)]
