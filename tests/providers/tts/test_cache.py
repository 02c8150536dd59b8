"""The voice cache: what is kept, what comes of it, and what becomes of its files."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from gateway.assistant.provider_settings import VoiceSettings
from gateway.errors import ProviderUnavailable
from gateway.providers.base import OUTSIDE_CALL, CallContext, SpokenWord, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.credentials import Credential
from gateway.providers.registry import Providers
from gateway.providers.tts.cache import CachedVoice, KeptVoice, Phrases
from gateway.providers.tts.phrase_store import Phrase, PhraseStore
from gateway.providers.usage import Usage
from gateway.settings import Settings
from tests.providers.emulators.azure_speech import AzureSpeech
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_speech import OpenAiSpeech
from tests.providers.emulators.tone_words import decode, encode

GREETING = "Hello, thank you."


class Counting:
    """A voice that says what it is asked to, and counts."""

    def __init__(self, fails: bool = False) -> None:
        self.capabilities = VoiceCapabilities(word_times=True)
        self.asked = 0
        self._fails = fails

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        self.asked += 1
        pcm = encode(text)
        yield VoiceChunk(pcm[:1600], (SpokenWord(text.split()[0], 0, 1600),))
        if self._fails:
            raise ProviderUnavailable("lost")
        yield VoiceChunk(pcm[1600:])


@pytest.fixture
def store(tmp_path: Path) -> PhraseStore:
    return PhraseStore(tmp_path, 1 << 20)


def cached(voice: Counting, store: PhraseStore, name: str = "voice") -> CachedVoice:
    phrases = Phrases(store, name)
    return CachedVoice(KeptVoice(voice, phrases), phrases)


async def said(voice: Voice, text: str, context: CallContext = OUTSIDE_CALL) -> VoiceChunk:
    chunks = [chunk async for chunk in voice.speak(text, context)]
    return VoiceChunk(b"".join(c.pcm for c in chunks), tuple(word for c in chunks for word in c.words))


async def test_what_is_said_a_second_time_is_kept_and_asked_for_no_more(store: PhraseStore) -> None:
    counting = Counting()
    voice = cached(counting, store)
    heard = [await said(voice, "one two") for _ in range(4)]
    assert counting.asked == 2
    assert set(heard) == {heard[0]}
    assert heard[0].words == (SpokenWord("one", 0, 1600),)


@pytest.mark.parametrize(
    "assistant",
    [
        {"firstMessage": f"{GREETING} How can I help?"},
        {"messagePlan": {"idleMessages": ["Are you there?", GREETING]}},
        {"hooks": [{"do": [{"type": "say", "exact": GREETING}]}]},
    ],
)
async def test_a_fixed_text_of_the_assistant_is_kept_at_once(store: PhraseStore, assistant: dict[str, Any]) -> None:
    counting, context = Counting(), CallContext(assistant=assistant)
    for voice in (cached(counting, store), cached(counting, store)):
        await said(voice, GREETING, context)
    assert counting.asked == 1


async def test_a_text_of_the_models_is_no_fixed_text(store: PhraseStore) -> None:
    counting = Counting()
    context = CallContext(assistant={"model": {"messages": [{"content": GREETING}]}})
    await said(cached(counting, store), GREETING, context)
    await said(cached(counting, store), GREETING, context)
    assert counting.asked == 2


async def test_another_voice_has_phrases_of_its_own(store: PhraseStore) -> None:
    first, second = Counting(), Counting()
    context = CallContext(assistant={"firstMessage": GREETING})
    for name, voice in (("first", first), ("second", second), ("first", first)):
        await said(cached(voice, store, name), GREETING, context)
    assert (first.asked, second.asked) == (1, 1)


async def test_what_was_not_said_whole_is_not_kept(store: PhraseStore) -> None:
    voice = cached(Counting(fails=True), store)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            await said(voice, "one two")
    assert await Phrases(store, "voice").find("one two") is None


# ---------------------------------------------------------------- files


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


@pytest.mark.parametrize("damage", [b"", b"no json\n", b'{"text": "a"}\n', b"[]\n\x00"])
def test_a_damaged_file_is_deleted_and_counts_as_absent(store: PhraseStore, tmp_path: Path, damage: bytes) -> None:
    store.write("key", Phrase("text", b"\x01\x02"))
    [file] = files(tmp_path)
    file.write_bytes(damage)
    assert store.read("key") is None
    assert files(tmp_path) == []


def test_a_file_that_was_cut_short_counts_as_absent(store: PhraseStore, tmp_path: Path) -> None:
    store.write("key", Phrase("text", bytes(100)))
    [file] = files(tmp_path)
    os.truncate(file, file.stat().st_size - 2)
    assert store.read("key") is None


def test_the_least_recently_used_leave_when_the_bound_is_reached(tmp_path: Path) -> None:
    store = PhraseStore(tmp_path, 5000)
    for name in "abcd":
        store.write(name, Phrase(name, bytes(1000)))
        for file in files(tmp_path):
            os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 10))
    assert store.read("a") is not None  # now the most recent
    store.write("e", Phrase("e", bytes(1000)))
    assert [name for name in "abcde" if store.read(name)] == ["a", "c", "d", "e"]
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 5000


def test_a_phrase_above_the_bound_is_not_kept(tmp_path: Path) -> None:
    PhraseStore(tmp_path, 500).write("key", Phrase("text", bytes(1000)))
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = PhraseStore(tmp_path / "file", 1 << 20)
    store.write("key", Phrase("text", b"\x00\x00"))
    assert store.read("key") is None


# ---------------------------------------------------------------- in the registry


def assistant_voice(**more: Any) -> VoiceSettings:
    fallback = {"fallbackPlan": {"voices": [{"provider": "openai", "voiceId": "alloy"}]}}
    return VoiceSettings.model_validate({"provider": "azure", "voiceId": "emma", **fallback, **more})


class Two:
    """Azure and OpenAI, as the providers of two worker processes know them."""

    def __init__(self, data_dir: Path, **cache: Any) -> None:
        self.azure, self.openai = AzureSpeech(), OpenAiSpeech()
        self._settings = {"data_dir": data_dir, "voice_cache": cache}
        self.bill: list[Usage] = []
        self.context = CallContext(assistant={"firstMessage": GREETING}, meter=self.bill.append)

    def worker(self) -> Providers:
        credentials = [
            Credential.model_validate({"provider": name, "apiKey": one.key, "apiUrl": one.url})
            for name, one in (("azure", self.azure), ("openai", self.openai))
        ]
        settings = Settings.model_validate({**self._settings, "credentials": credentials})
        return Providers.of(settings)

    async def greet(self, **more: Any) -> list[str]:
        """Said by a process that has just started."""
        providers = self.worker()
        chunk = await said(providers.voice(assistant_voice(**more)), GREETING, self.context)
        await providers.close()
        return [word for word, _, _ in decode(chunk.pcm)]


async def test_a_greeting_is_synthesised_and_billed_once_for_all_processes(tmp_path: Path) -> None:
    two = Two(tmp_path)
    async with running(two.azure), running(two.openai):
        greetings = [await two.greet() for _ in range(3)]
    assert greetings == [["hello", "thank", "you"]] * 3
    assert len(two.azure.seen) == 1
    assert [usage.characters for usage in two.bill] == [len(GREETING)]


async def test_what_another_voice_said_in_the_place_of_the_first_is_not_kept(tmp_path: Path) -> None:
    two = Two(tmp_path)
    two.azure.fault = Fault(Kind.SERVER_ERROR, times=1)
    async with running(two.azure), running(two.openai):
        for _ in range(3):
            assert await two.greet() == ["hello", "thank", "you"]
    assert (len(two.azure.seen), len(two.openai.seen)) == (2, 1)


@pytest.mark.parametrize(("cache", "voice"), [({"enabled": False}, {}), ({}, {"cachingEnabled": False})])
async def test_the_cache_can_be_switched_off(tmp_path: Path, cache: dict[str, Any], voice: dict[str, Any]) -> None:
    two = Two(tmp_path, **cache)
    async with running(two.azure), running(two.openai):
        for _ in range(2):
            await two.greet(**voice)
    assert len(two.azure.seen) == 2
    assert files(tmp_path) == []
