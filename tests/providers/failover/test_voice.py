"""Voices that stand in for each other, over their emulators: nothing lost, nothing twice, hardly a gap."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.providers.base import OUTSIDE_CALL, CallContext, SpokenWord, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.credentials import Credential
from gateway.providers.failover import voice as failover_module
from gateway.providers.failover.candidate import Candidate
from gateway.providers.failover.voice import FailoverVoice
from gateway.providers.health import Circuit, CircuitRules
from gateway.providers.tts import azure, custom_voice, elevenlabs, openai
from gateway.settings import FailoverSettings
from tests.providers.emulators.azure_speech import AzureSpeech
from tests.providers.emulators.custom_voice import CustomVoiceServer
from tests.providers.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_speech import OpenAiSpeech
from tests.providers.emulators.speaking import Speaking
from tests.providers.emulators.tone_words import encode
from tests.providers.failover.wire import listen

SENTENCE = "seven black paper lemon green river three north"
WORDS = SENTENCE.split()
FASTER = Speaking(chunk_ms=120, pace=4)
"""Speech as it comes from a provider: four times faster than it is spoken."""
GAP_MS = 400


def credential(name: str, emulator: Emulator) -> Credential:
    return Credential(provider=name, api_key=SecretStr(emulator.key), api_url=emulator.url)


def voices() -> dict[str, tuple[Emulator, Any]]:
    """An emulator of each kind, and how a voice is made for it."""
    return {
        "openai": (OpenAiSpeech(speaking=FASTER), lambda e: openai.make(_openai(), credential("openai", e))),
        "azure": (AzureSpeech(speaking=FASTER), lambda e: azure.make(_azure(), credential("azure", e))),
        "custom-voice": (CustomVoiceServer(speaking=FASTER), lambda e: custom_voice.make(_own(), _own_key(e))),
        "11labs": (ElevenLabsEmulator(pace=0.017), lambda e: elevenlabs.make(_eleven(), credential("11labs", e))),
    }


def _openai() -> openai.Options:
    return openai.Options(voice_id="alloy")


def _azure() -> azure.Options:
    return azure.Options(voice_id="emma")


def _own() -> custom_voice.Options:
    return custom_voice.Options.model_validate({"server": {"url": "http://overridden"}})


def _own_key(emulator: Emulator) -> Credential:
    return credential("custom-voice", emulator)


def _eleven() -> elevenlabs.Options:
    return elevenlabs.Options.model_validate({"voiceId": "sarah"})


class Pair:
    """Two voices of emulators as one. What is wrong is wrong with the first."""

    def __init__(self, first: str, second: str) -> None:
        (self.first, make_first), (self.second, make_second) = voices()[first], voices()[second]
        self._make = [(first, self.first, make_first), (second, self.second, make_second)]
        self.circuits: list[Circuit] = []

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[FailoverVoice]:
        """The voice, in the middle of a call: both have spoken before."""
        async with AsyncExitStack() as stack:
            for _, emulator, _ in self._make:
                await stack.enter_async_context(running(emulator))
            made = [(name, make(emulator)) for name, emulator, make in self._make]
            candidates = [Candidate(name, voice, Circuit("voice", name)) for name, voice in made]
            self.circuits = [candidate.circuit for candidate in candidates]
            voice = FailoverVoice(candidates, FailoverSettings())
            voice._paces = [320.0, 320.0]
            yield voice
            for _, one in made:
                await one.close()
            async with asyncio.timeout(2):
                while self.first.open or self.second.open:  # noqa: ASYNC110  the emulators have no event for it
                    await asyncio.sleep(0.01)


PAIRS = [("11labs", "azure"), ("azure", "11labs"), ("openai", "custom-voice"), ("custom-voice", "openai")]


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("after", [2, 8, 12])
async def test_a_cut_sentence_is_heard_once_without_a_gap(first: str, second: str, after: int) -> None:
    pair = Pair(first, second)
    pair.first.fault = Fault(Kind.CUT, after=after)
    before = asyncio.all_tasks()
    async with pair.speaking() as voice:
        heard = await listen(voice.speak(SENTENCE))
    whole = [word for word in heard.texts if word in WORDS]
    assert heard.gap_ms <= GAP_MS
    assert sorted(set(whole), key=WORDS.index) == WORDS
    if after >= 8:  # before that there is no audio ahead that would give time to hold the rest of a word
        assert whole == WORDS
        assert heard.fragments == 0
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("kind", [Kind.HANG_MID_STREAM, Kind.CUT])
async def test_a_voice_that_falls_silent_is_left_before_the_caller_notices(first: str, second: str, kind: Kind) -> None:
    pair = Pair(first, second)
    pair.first.fault = Fault(kind, after=8)
    async with pair.speaking() as voice:
        heard = await listen(voice.speak(SENTENCE))
    assert heard.texts == WORDS
    assert heard.gap_ms <= GAP_MS
    assert pair.circuits[0].failures == 1


@pytest.mark.parametrize(
    "kind",
    [Kind.REFUSE, Kind.UNAUTHORIZED, Kind.RATE_LIMITED, Kind.SERVER_ERROR, Kind.GARBAGE, Kind.ZERO_AUDIO],
)
@pytest.mark.parametrize(
    ("first", "second"), [("azure", "openai"), ("openai", "custom-voice"), ("custom-voice", "azure")]
)
async def test_a_voice_that_does_not_begin_is_replaced_at_once(first: str, second: str, kind: Kind) -> None:
    pair = Pair(first, second)
    pair.first.fault = Fault(kind)
    async with pair.speaking() as voice:
        heard = await listen(voice.speak(SENTENCE))
    assert heard.texts == WORDS
    assert (pair.circuits[0].failures, pair.circuits[1].successes) == (1, 1)


@pytest.mark.parametrize("kind", [Kind.HANG_AT_CONNECT, Kind.SLOW])
async def test_a_voice_that_is_late_is_left_at_its_deadline(kind: Kind) -> None:
    pair = Pair("azure", "openai")
    pair.first.fault = Fault(kind, seconds=5)
    async with pair.speaking() as voice:
        began = time.monotonic()
        async with aclosing(voice.speak(SENTENCE)) as chunks:
            await anext(chunks)
            assert time.monotonic() - began >= 1.0
            assert pair.circuits[0].failures == 1


async def test_an_open_circuit_costs_the_next_call_nothing() -> None:
    pair = Pair("azure", "openai")
    pair.first.fault = Fault(Kind.HANG_AT_CONNECT)
    async with pair.speaking() as voice:
        pair.circuits[0].failed(time.monotonic(), ProviderAuthentication("no key"))
        await listen(voice.speak(SENTENCE))
        assert pair.first.seen == []


async def test_all_that_failed_is_told() -> None:
    pair = Pair("azure", "openai")
    pair.first.fault, pair.second.fault = Fault(Kind.SERVER_ERROR), Fault(Kind.UNAUTHORIZED)
    async with pair.speaking() as voice:
        with pytest.raises(ProviderUnavailable, match=r"No voice could speak: .*azure.*500.*openai.*401"):
            await listen(voice.speak(SENTENCE))


# ---------------------------------------------------------------- played voices


Step = bytes | VoiceChunk | float | ProviderError


class Played:
    """A voice that does as it is told: chunks, pauses (seconds) and errors."""

    def __init__(self, *script: Step) -> None:
        self.capabilities = VoiceCapabilities(word_times=False)
        self._scripts = [list(script)] if script else []
        self.texts: list[str] = []
        self.closed = 0
        self.prepared = 0

    def then(self, *script: Step) -> Played:
        """What it does the next time."""
        self._scripts.append(list(script))
        return self

    async def prepare(self) -> None:
        self.prepared += 1

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        self.texts.append(text)
        try:
            for step in self._scripts.pop(0) if self._scripts else [encode(text)]:
                match step:
                    case bytes():
                        yield VoiceChunk(step)
                    case VoiceChunk():
                        yield step
                    case float():
                        await asyncio.sleep(step)
                    case ProviderError():
                        raise step
        finally:
            self.closed += 1


def failover(*voices: Played, **settings: float) -> tuple[FailoverVoice, list[Circuit]]:
    circuits = [Circuit("voice", str(place), CircuitRules(1)) for place in range(len(voices))]
    candidates: Sequence[Candidate[Voice]] = [
        Candidate(circuit.name, voice, circuit) for voice, circuit in zip(voices, circuits, strict=True)
    ]
    return FailoverVoice(candidates, FailoverSettings(**{"first_audio_seconds": 0.1, **settings})), circuits


LOST = ProviderUnavailable("lost")


async def test_a_voice_alone_is_asked_again_for_the_rest() -> None:
    one = Played(encode("seven black paper"), LOST).then(encode("paper lemon"))
    voice, _ = failover(one)
    voice._paces = [320.0]
    heard = await listen(voice.speak("seven black paper lemon"))
    assert one.texts == ["seven black paper lemon", "paper lemon"]
    assert heard.texts == ["seven", "black", "paper", "lemon"]


async def test_a_voice_alone_may_take_its_time() -> None:
    voice, [circuit] = failover(Played(0.3, encode("seven black")))
    assert (await listen(voice.speak("seven black"))).texts == ["seven", "black"]
    assert circuit.failures == 0


async def test_a_voice_alone_that_hangs_is_given_up_before_the_silence_is_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failover_module, "PATIENT_SECONDS", 0.3)
    one = Played(30.0)
    voice, _ = failover(one)
    began = time.monotonic()
    with pytest.raises(ProviderTimeout):
        await listen(voice.speak(SENTENCE))
    assert time.monotonic() - began >= 0.3
    assert len(one.texts) == 1


async def test_a_voice_alone_that_hangs_in_the_middle_is_asked_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failover_module, "PATIENT_SECONDS", 0.3)
    one = Played(encode("seven black paper"), 30.0).then(encode("paper lemon"))
    voice, _ = failover(one)
    voice._paces = [320.0]
    heard = await listen(voice.speak("seven black paper lemon"))
    assert one.texts[1] in ("paper lemon", "lemon")
    assert set(heard.texts) == {"seven", "black", "paper", "lemon"}


async def test_a_wrong_key_is_not_tried_twice() -> None:
    one = Played(ProviderAuthentication("wrong key"))
    voice, _ = failover(one)
    with pytest.raises(ProviderAuthentication, match="wrong key"):
        await listen(voice.speak("seven"))
    assert len(one.texts) == 1


async def test_a_voice_that_asked_to_be_left_alone_is_left_alone() -> None:
    one = Played(ProviderRateLimit("slower", retry_after=5))
    voice, _ = failover(one)
    with pytest.raises(ProviderRateLimit, match="slower"):
        await listen(voice.speak("seven"))
    with pytest.raises(ProviderUnavailable, match="left alone"):
        await listen(voice.speak("seven"))
    assert len(one.texts) == 1


async def test_an_open_circuit_is_a_last_resort() -> None:
    one, two = Played(), Played(ProviderAuthentication("wrong key"))
    voice, [circuit, _] = failover(one, two)
    circuit.failed(time.monotonic(), LOST)
    assert (await listen(voice.speak("seven"))).texts == ["seven"]
    assert len(two.texts) == 1


async def test_a_cancelled_trial_of_an_open_circuit_is_the_next_ones() -> None:
    one = Played(30.0)
    voice, [circuit] = failover(one, first_audio_seconds=20)
    circuit.failed(time.monotonic() - 100, LOST)
    assert circuit.state(time.monotonic()) == "half-open"
    task = asyncio.create_task(listen(voice.speak("seven")))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert circuit.admits(time.monotonic())


async def test_a_text_that_one_voice_refuses_says_nothing_of_its_health() -> None:
    one, two = Played(ProviderBadRequest("too long")), Played()
    voice, [circuit, _] = failover(one, two)
    assert (await listen(voice.speak("seven"))).texts == ["seven"]
    assert circuit.failures == 0


async def test_words_of_both_voices_are_told_once_one_has_failed() -> None:
    one, two = Played(encode("seven black paper lemon"), LOST), Played()
    voice, _ = failover(one, two)
    voice._paces = [320.0, 320.0]
    heard = await listen(voice.speak(SENTENCE))
    assert [word.text for word in heard.words] == WORDS
    assert heard.words[-1].end <= heard.samples


async def test_a_cut_behind_the_last_word_asks_nobody() -> None:
    words = (SpokenWord("seven", 0, 1600), SpokenWord("black", 1920, 3520))
    one, two = Played(VoiceChunk(encode("seven black"), words), LOST), Played()
    one.capabilities = VoiceCapabilities(word_times=True)
    voice, _ = failover(one, two)
    assert (await listen(voice.speak("seven black"))).texts == ["seven", "black"]
    assert two.texts == []


async def test_an_interrupted_voice_is_closed_and_was_good() -> None:
    one = Played(encode("seven black paper"), 30.0)
    voice, [circuit] = failover(one)
    before = asyncio.all_tasks()
    async with aclosing(voice.speak(SENTENCE)) as chunks:
        await anext(chunks)
    assert (one.closed, circuit.successes, circuit.failures) == (1, 1, 0)
    assert asyncio.all_tasks() == before


async def test_a_cancelled_voice_is_closed() -> None:
    one = Played(30.0)
    voice, [circuit] = failover(one, first_audio_seconds=20)
    before = asyncio.all_tasks()
    task = asyncio.create_task(listen(voice.speak(SENTENCE)))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (one.closed, circuit.successes, circuit.failures) == (1, 0, 0)
    assert asyncio.all_tasks() == before


async def test_all_voices_are_prepared() -> None:
    one, two = Played(), Played()
    voice, _ = failover(one, two)
    await voice.prepare()
    assert (one.prepared, two.prepared) == (1, 1)
