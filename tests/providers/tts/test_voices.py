"""The voices behind HTTP, each through its emulator over a real socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import (
    ConfigError,
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderRateLimit,
    ProviderUnavailable,
)
from gateway.providers.base import CallContext, Voice
from gateway.providers.credentials import Credential
from gateway.providers.tts import azure, custom_voice, openai, playht
from gateway.providers.usage import Usage
from tests.providers.emulators.azure_speech import AzureSpeech
from tests.providers.emulators.custom_voice import CustomVoiceServer
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_speech import OpenAiSpeech
from tests.providers.emulators.playht import PlayHTEmulator
from tests.providers.emulators.speaking import Speaking
from tests.providers.emulators.tone_words import decode

TEXT = "Hello, thank you & please call back tomorrow."
HEARD = ["hello", "thank", "you", "please", "call", "back", "tomorrow"]


def credential(name: str, emulator: Emulator, key: str) -> Credential:
    return Credential(provider=name, api_key=SecretStr(key), api_url=emulator.url)


def openai_voice(emulator: Emulator, key: str, **options: Any) -> Voice:
    return openai.make(openai.Options(voice_id="alloy", **options), credential("openai", emulator, key))


def tts_1(emulator: Emulator, key: str) -> Voice:
    return openai_voice(emulator, key, model="tts-1")


def azure_voice(emulator: Emulator, key: str, **options: Any) -> Voice:
    return azure.make(azure.Options(voice_id="emma", **options), credential("azure", emulator, key))


def playht_voice(emulator: Emulator, key: str) -> Voice:
    known = credential("playht", emulator, key).model_copy(update={"user_id": "emulated-user"})
    return playht.make(playht.Options(voice_id="jennifer"), known)


def own_voice(emulator: Emulator, key: str) -> Voice:
    server = {"url": f"{emulator.url}/speak", "secret": key, "timeoutSeconds": 5}
    return custom_voice.make(custom_voice.Options(server=server), Credential(provider="custom-voice"))


@dataclass
class Case:
    emulator: Callable[..., Any]
    voice: Callable[[Emulator, str], Voice]


CASES = {
    "openai with events": Case(OpenAiSpeech, openai_voice),
    "openai without": Case(lambda **options: OpenAiSpeech(plain=True, **options), openai_voice),
    "openai tts-1": Case(OpenAiSpeech, tts_1),
    "azure": Case(AzureSpeech, azure_voice),
    "playht": Case(PlayHTEmulator, playht_voice),
    "custom-voice": Case(CustomVoiceServer, own_voice),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


class Bill(list[Usage]):
    @property
    def context(self) -> CallContext:
        call = {"id": "c1", "customer": {"number": "+1555"}}
        return CallContext("c1", call, {"name": "Ann"}, meter=self.append)


async def said(voice: Voice, text: str, context: CallContext) -> list[bytes]:
    return [chunk.pcm async for chunk in voice.speak(text, context)]


async def closed(voice: Any, emulator: Emulator) -> None:
    """No task and no socket is left."""
    await voice.close()
    async with asyncio.timeout(2):
        while emulator.open:  # noqa: ASYNC110  the emulator has no event for it
            await asyncio.sleep(0.01)


async def test_every_word_is_heard_at_the_telephones_rate_and_billed_once(case: Case) -> None:
    emulator, bill = case.emulator(), Bill()
    async with running(emulator):
        voice = case.voice(emulator, emulator.key)
        chunks = await said(voice, TEXT, bill.context)
        await closed(voice, emulator)
    assert [word for word, _, _ in decode(b"".join(chunks))] == HEARD
    assert len(chunks) > 5
    [usage] = bill
    assert (usage.stage, usage.characters >= len(TEXT)) == ("voice", True)


async def test_the_first_audio_comes_before_the_last_is_made(case: Case) -> None:
    emulator = case.emulator(speaking=Speaking(pace=4))
    async with running(emulator):
        voice = case.voice(emulator, emulator.key)
        async with aclosing(voice.speak(TEXT)) as chunks:  # type: ignore[type-var]
            await anext(chunks)
            assert emulator.open == 1
        await closed(voice, emulator)


async def test_what_is_cancelled_is_billed_and_ends_the_request(case: Case) -> None:
    emulator, bill = case.emulator(speaking=Speaking(pace=1)), Bill()
    async with running(emulator):
        voice = case.voice(emulator, emulator.key)
        task = asyncio.create_task(said(voice, TEXT, bill.context))
        async with asyncio.timeout(10):
            while not emulator.open:  # noqa: ASYNC110  the emulator tells nobody
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await closed(voice, emulator)
    assert len(bill) == 1


async def test_a_wrong_key_is_told_without_the_key(case: Case) -> None:
    emulator, bill = case.emulator(), Bill()
    async with running(emulator):
        voice = case.voice(emulator, "wrong-key")
        with pytest.raises(ProviderAuthentication) as refused:
            await said(voice, TEXT, bill.context)
        await closed(voice, emulator)
    assert "wrong-key" not in f"{refused.value} {voice!r}"
    assert bill == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Kind.REFUSE, ProviderUnavailable),
        (Kind.UNAUTHORIZED, ProviderAuthentication),
        (Kind.RATE_LIMITED, ProviderRateLimit),
        (Kind.SERVER_ERROR, ProviderUnavailable),
        (Kind.CUT, ProviderUnavailable),
    ],
)
async def test_a_fault_is_an_error_of_its_kind(case: Case, fault: Kind, error: type[ProviderError]) -> None:
    emulator = case.emulator()
    emulator.fault = Fault(fault, seconds=7)
    async with running(emulator):
        voice = case.voice(emulator, emulator.key)
        with pytest.raises(error) as raised:
            await said(voice, TEXT, CallContext())
        await closed(voice, emulator)
    assert raised.value.retry_after == (7 if fault is Kind.RATE_LIMITED else None)


async def test_a_cut_comes_after_good_audio(case: Case) -> None:
    emulator, heard = case.emulator(), b""
    emulator.fault = Fault(Kind.CUT, after=10)
    async with running(emulator):
        voice = case.voice(emulator, emulator.key)
        with pytest.raises(ProviderUnavailable):  # noqa: PT012  what came before is what is asked for
            async for chunk in voice.speak(TEXT):
                heard += chunk.pcm
        await closed(voice, emulator)
    assert [word for word, _, _ in decode(heard)] == HEARD[:4]


async def test_a_prepared_connection_is_used(case: Case) -> None:
    emulator = case.emulator()
    async with running(emulator):
        voice: Any = case.voice(emulator, emulator.key)
        await voice.prepare()
        assert b"".join(await said(voice, TEXT, CallContext()))
        await closed(voice, emulator)


async def test_preparing_bears_an_outage(case: Case) -> None:
    emulator = case.emulator()
    emulator.fault = Fault(Kind.REFUSE)
    async with running(emulator):
        voice: Any = case.voice(emulator, emulator.key)
        await voice.prepare()
        await voice.close()


# ---------------------------------------------------------------- OpenAI


async def test_openai_tells_the_tokens_that_it_bills() -> None:
    emulator, bill = OpenAiSpeech(), Bill()
    async with running(emulator):
        voice = openai_voice(emulator, emulator.key, instructions="Sound cheerful.", speed=1.5)
        await said(voice, "one two three", bill.context)
        await closed(voice, emulator)
    [usage] = bill
    assert (usage.prompt_tokens, usage.completion_tokens, round(usage.seconds, 2)) == (3, 14, 0.72)
    asked = emulator.seen[0].json
    assert asked["instructions"] == "Sound cheerful."
    assert asked["speed"] == 1.5


async def test_openai_takes_garbage_in_the_place_of_events_for_no_audio() -> None:
    emulator = OpenAiSpeech()
    emulator.fault = Fault(Kind.GARBAGE)
    async with running(emulator):
        voice = openai_voice(emulator, emulator.key)
        assert await said(voice, TEXT, CallContext()) == []
        await closed(voice, emulator)


@pytest.mark.parametrize("data", ["no json", '"text"', '{"type": "speech.audio.delta", "audio": "?"}', '{"error": {}}'])
def test_an_event_of_another_protocol_is_refused(data: str) -> None:
    with pytest.raises(ProviderUnavailable):
        openai._piece(data, openai._Bill(), "The voice")


# ---------------------------------------------------------------- Azure


def test_ssml_holds_any_text() -> None:
    body = azure.ssml('Fish & <b>"chips"\x00\x0b', "de-DE-KatjaNeural", 1.25)
    assert 'xml:lang="de-DE"' in body
    assert '<prosody rate="1.25">Fish &amp; &lt;b&gt;"chips"</prosody>' in body


@pytest.mark.parametrize(("text", "speed", "billed"), [("Hello.", None, 6), ("你好 ab", None, 7), ("Hi", 1.5, 32)])
def test_azure_bills_the_text_and_the_marks_in_it(text: str, speed: float | None, billed: int) -> None:
    assert azure.billed_characters(azure.ssml(text, "en-US-EmmaNeural", speed)) == billed


async def test_azure_is_asked_for_the_telephones_format() -> None:
    emulator = AzureSpeech()
    async with running(emulator):
        voice = azure_voice(emulator, emulator.key)
        await said(voice, TEXT, CallContext())
        await closed(voice, emulator)
    assert emulator.seen[0].headers["x-microsoft-outputformat"] == "raw-8khz-8bit-mono-mulaw"
    assert b'name="en-US-EmmaNeural"' in emulator.seen[0].body


def test_azure_needs_a_region_or_an_address() -> None:
    with pytest.raises(ConfigError, match="AZURE_SPEECH_REGION"):
        azure.make(azure.Options(voice_id="emma"), Credential(provider="azure", api_key=SecretStr("k")))
    assert azure._address(Credential(provider="azure", region="westeurope")) == (
        "https://westeurope.tts.speech.microsoft.com/cognitiveservices/v1"
    )


# ---------------------------------------------------------------- custom-voice


async def test_a_custom_voice_is_told_of_the_call() -> None:
    emulator, bill = CustomVoiceServer(), Bill()
    async with running(emulator):
        voice = own_voice(emulator, emulator.key)
        await said(voice, "Größe: <two>", bill.context)
        await closed(voice, emulator)
    message = emulator.seen[0].json["message"]
    assert emulator.seen[0].path == "/speak"
    assert message.pop("timestamp") > 1.6e12
    assert message == {
        "type": "voice-request",
        "text": "Größe: <two>",
        "sampleRate": 8000,
        "call": {"id": "c1", "customer": {"number": "+1555"}},
        "assistant": {"name": "Ann"},
        "customer": {"number": "+1555"},
    }


async def test_a_custom_voice_that_answers_in_json_has_not_spoken() -> None:
    class Wrong(CustomVoiceServer):
        async def answer(self, chunks: Any, *, media_type: str) -> Any:
            return await super().answer(chunks, media_type="application/json; charset=utf-8")

    emulator = Wrong()
    async with running(emulator):
        voice = own_voice(emulator, emulator.key)
        with pytest.raises(ProviderUnavailable, match=re.escape("application/json and not with audio")):
            await said(voice, TEXT, CallContext())
        await closed(voice, emulator)


async def test_a_text_that_the_server_refuses_is_a_bad_request() -> None:
    emulator = OpenAiSpeech()
    async with running(emulator):
        voice = openai_voice(emulator, emulator.key)
        with pytest.raises(ProviderBadRequest):
            await said(voice, "a" * 5000, CallContext())
        await closed(voice, emulator)
