"""One use of each kind of provider, over real sockets to emulated servers."""

from __future__ import annotations

import asyncio
import inspect
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.call.prices import PriceBook
from gateway.commands.provider.attempt import Material, attempt, bill_of
from gateway.commands.provider.chosen import Candidate, with_options
from gateway.commands.provider.stages import choose
from gateway.commands.provider.trials import LEAD_IN_MS, Trial
from gateway.errors import ConfigError, ProviderAuthentication, ProviderError, ProviderTimeout
from gateway.providers.credentials import Credential
from gateway.providers.registry import Providers
from gateway.settings import Settings
from tests.providers.emulators.answers import Answer
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_chat import OpenAiChat
from tests.providers.emulators.openai_realtime import OpenAiRealtime
from tests.providers.emulators.openai_speech import OpenAiSpeech
from tests.providers.emulators.tone_words import decode, encode

PACKAGE = str(Path(gateway.__file__).parent)
SPEECH = encode(["one", "two", "three", "four", "five"])


def reaching(provider: str, url: str, *, key: str = "emulated-key") -> Settings:
    """Settings with a key, and the address of an emulator."""
    credential = {"provider": provider, "apiKey": key, "apiUrl": url}
    return Settings(credentials=[Credential.model_validate(credential)])


def is_ours(task: asyncio.Task[Any]) -> bool:
    """A task of the product: what hangs may be the emulator's own."""
    coroutine = task.get_coro()
    return inspect.iscoroutine(coroutine) and coroutine.cr_code.co_filename.startswith(PACKAGE)


def candidate(name: str, **options: Any) -> Candidate:
    return with_options(choose(name), Settings(), options)


async def used_once(name: str, settings: Settings, given: Material, *, seconds: float = 10, **options: Any) -> Trial:
    providers = Providers.of(settings)
    try:
        return await attempt(providers, candidate(name, **options), given, seconds=seconds)
    finally:
        await providers.close()
        await asyncio.sleep(0.05)
        assert not [task for task in asyncio.all_tasks() if is_ours(task)]


async def test_a_model_is_timed_to_its_first_token_and_to_its_end() -> None:
    emulator = OpenAiChat(pace=0.02, first=0.1)
    async with running(emulator):
        settings = reaching("openai", emulator.api_url)
        trial = await used_once("llm/openai", settings, Material("say a b c d e"), model="gpt-4.1-mini")
    assert trial.text
    assert 100 <= trial.ms["first token"] < trial.ms["whole"]
    (usage,) = trial.usage
    assert usage.prompt_tokens > 0
    assert bill_of([trial], PriceBook()).cost == PriceBook().cost(usage) != Decimal(0)


async def test_a_voice_is_timed_to_its_first_audio_and_to_its_end() -> None:
    emulator = OpenAiSpeech()
    async with running(emulator):
        settings = reaching("openai", emulator.url)
        trial = await used_once("tts/openai", settings, Material("one two three"), voiceId="alloy", model="tts-1")
    assert [word for word, _, _ in decode(trial.pcm)] == ["one", "two", "three"]
    assert trial.ms["connected"] > 0
    assert 0 < trial.ms["first audio"] <= trial.ms["whole"]
    assert bill_of([trial], PriceBook()).used.endswith("13 characters")


async def test_a_transcriber_hears_speech_at_its_own_pace() -> None:
    emulator = DeepgramListen()
    async with running(emulator):
        started = asyncio.get_running_loop().time()
        settings = reaching("deepgram", emulator.url)
        trial = await used_once("stt/deepgram", settings, Material("", SPEECH), model="nova-3")
        took = asyncio.get_running_loop().time() - started
    assert trial.text == "one two three four five"
    assert took > LEAD_IN_MS / 1000 + len(SPEECH) / 16000, "nobody speaks faster than real time"
    assert 0 < trial.ms["first words"] < len(SPEECH) / 16
    assert trial.ms["transcript"] < 1000
    assert sum(usage.seconds for usage in trial.usage) >= len(SPEECH) / 16000


async def test_a_model_that_speaks_is_asked_in_speech() -> None:
    emulator = OpenAiRealtime(lambda asked: Answer("two four six"))
    async with running(emulator):
        settings = reaching("openai", emulator.api_url)
        trial = await used_once("llm/openai", settings, Material("", SPEECH), model="gpt-realtime")
    assert trial.heard == "one two three four five"
    assert trial.text.split() == [word for word, _, _ in decode(trial.pcm)] == ["two", "four", "six"]
    assert {"connected", "transcript", "first audio", "whole"} <= set(trial.ms)
    assert {usage.stage for usage in trial.usage} == {"model", "transcriber"}
    assert bill_of([trial], PriceBook()).cost


async def test_what_goes_wrong_is_the_providers_own_sentence() -> None:
    emulator = OpenAiChat()
    async with running(emulator):
        wrong = reaching("openai", emulator.api_url, key="sk-wrong")
        with pytest.raises(ProviderAuthentication, match="openai answered 401"):
            await used_once("llm/openai", wrong, Material("hi"), model="gpt-4o")
    with pytest.raises(ConfigError, match="needs a key: set OPENAI_API_KEY"):
        await used_once("llm/openai", Settings(), Material("hi"), model="gpt-4o")


@pytest.mark.parametrize(
    ("name", "emulator", "options"),
    [
        ("llm/openai", OpenAiChat(path=""), {"model": "gpt-4o"}),
        ("tts/openai", OpenAiSpeech(), {"voiceId": "alloy"}),
        ("stt/deepgram", DeepgramListen(), {}),
    ],
)
async def test_a_provider_that_hangs_is_given_up(name: str, emulator: Emulator, options: dict[str, Any]) -> None:
    emulator.fault = Fault(Kind.HANG_MID_STREAM, after=0)
    async with running(emulator):
        settings = reaching(choose(name).provider, emulator.url)
        with pytest.raises(ProviderTimeout):
            await used_once(name, settings, Material("one", SPEECH), seconds=0.5, **options)


async def test_a_voice_without_a_sound_has_failed() -> None:
    emulator = OpenAiSpeech()
    emulator.fault = Fault(Kind.ZERO_AUDIO)
    async with running(emulator):
        with pytest.raises(ProviderError):
            await used_once("tts/openai", reaching("openai", emulator.url), Material("one"), voiceId="alloy")
