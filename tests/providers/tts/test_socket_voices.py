"""What is the same for all voices with a WebSocket: the words, the bill, faults, interruptions and what is left."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.errors import (
    ProviderAuthentication,
    ProviderError,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.providers.base import Preparable, Voice
from gateway.providers.tts import socket_voice, websocket
from tests.providers.emulators.cartesia import CartesiaEmulator
from tests.providers.emulators.deepgram_speak import DeepgramSpeakEmulator
from tests.providers.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.streaming_voice import SpeakingEmulator
from tests.providers.emulators.tone_words import VOCABULARY, encode
from tests.providers.tts.speaking import Spoken, speak, talking

TEXT = "hello one two three four five, thank you"
MS_SAMPLES = 16
"""Times on the wire are whole ms, twice."""
WORDS = TEXT.replace(",", "").split()


@dataclass(frozen=True)
class Case:
    provider: str
    emulator: Callable[..., SpeakingEmulator]
    options: dict[str, Any] = field(default_factory=dict)
    word_times: bool = True
    binary: bool = False
    """Its audio is bare: any bytes could be."""

    def __str__(self) -> str:
        return self.provider


CASES = [
    Case("11labs", ElevenLabsEmulator, {"voiceId": "sarah"}),
    Case("cartesia", CartesiaEmulator, {"voiceId": "a0e99841-438c-4a64-b679-ae501e7d6091"}),
    Case("deepgram", DeepgramSpeakEmulator, {"voiceId": "thalia"}, word_times=False, binary=True),
]
each_voice = pytest.mark.parametrize("case", CASES, ids=str)


def check_times(case: Case, spoken: Spoken) -> None:
    """Each word of the text has the time at which it sounds."""
    assert [word.text for word in spoken.words] == (TEXT.split() if case.word_times else [])
    for at, word in enumerate(spoken.words):
        assert abs(word.start - at * 1920) <= MS_SAMPLES
        assert abs(word.end - at * 1920 - 1600) <= MS_SAMPLES


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short."""
    monkeypatch.setattr(websocket, "MESSAGE_SECONDS", 0.2)
    monkeypatch.setitem(websocket.OPTIONS, "open_timeout", 0.2)


@each_voice
async def test_each_word_is_heard_once_with_its_time_and_billed(case: Case) -> None:
    async with talking(case.provider, case.emulator(), **case.options) as voice:
        for _ in range(2):
            spoken = await speak(voice, TEXT)
            assert spoken.heard == WORDS
            assert spoken.characters == len(TEXT)
            check_times(case, spoken)


@each_voice
async def test_calls_speak_at_the_same_time(case: Case) -> None:
    texts = ["one two three", "red green blue", "north south east", "apple orange lemon"]
    async with talking(case.provider, case.emulator(pace=0.01), **case.options) as voice:
        spoken = await asyncio.gather(*(speak(voice, text) for text in texts))
    assert [" ".join(one.heard) for one in spoken] == texts


@each_voice
async def test_a_prepared_connection_is_used(case: Case) -> None:
    emulator = case.emulator()
    async with talking(case.provider, emulator, **case.options) as voice:
        assert isinstance(voice, Preparable)
        await voice.prepare()
        assert emulator.open == 1
        opened = len(emulator.seen)
        await speak(voice, TEXT)
        assert emulator.seen[opened - 1].messages
        assert not any(seen.messages for seen in emulator.seen[opened:])


@each_voice
async def test_a_connection_that_died_while_standing_by_is_replaced(case: Case) -> None:
    emulator = case.emulator(idle_seconds=0.05)
    async with talking(case.provider, emulator, **case.options) as voice:
        await voice.prepare()  # type: ignore[attr-defined]
        await asyncio.sleep(0.15)
        emulator.idle_seconds = 5.0
        assert (await speak(voice, TEXT)).heard == WORDS


@each_voice
async def test_a_connection_that_dies_when_it_is_needed_is_replaced(case: Case) -> None:
    emulator = case.emulator()
    async with talking(case.provider, emulator, **case.options) as voice:
        await voice.prepare()  # type: ignore[attr-defined]
        emulator.fault = Fault(Kind.CUT, after=0, times=1)
        spoken = await speak(voice, TEXT)
    assert spoken.heard == WORDS
    assert spoken.characters == len(TEXT)


@each_voice
async def test_an_interruption_cancels_the_text_and_keeps_the_connection(case: Case) -> None:
    emulator = case.emulator(pace=0.02)
    async with talking(case.provider, emulator, **case.options) as voice:
        spoken = await speak(voice, TEXT, until=3)
        async with asyncio.timeout(2):
            while not emulator.cancelled:  # noqa: ASYNC110  the emulator has no event for it
                await asyncio.sleep(0.005)
        assert spoken.characters == len(TEXT)
        emulator.pace = 0.0
        assert (await speak(voice, "red green blue")).heard == ["red", "green", "blue"]
        assert emulator.open == len(emulator.seen)


@each_voice
async def test_a_connection_that_fell_silent_is_not_used_again(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_voice, "SILENT_SECONDS", 0.1)
    emulator = case.emulator()
    async with talking(case.provider, emulator, **case.options) as voice:
        emulator.fault = Fault(Kind.HANG_MID_STREAM, times=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await speak(voice, TEXT)
        async with asyncio.timeout(2):
            for _ in range(3):
                assert (await speak(voice, TEXT)).heard == WORDS


@each_voice
async def test_many_interruptions_in_a_row(case: Case) -> None:
    emulator = case.emulator(pace=0.002)
    async with talking(case.provider, emulator, **case.options) as voice:
        for _ in range(12):
            await speak(voice, TEXT, until=1)
        assert (await speak(voice, TEXT)).heard == WORDS


@each_voice
@pytest.mark.parametrize("seed", range(3))
async def test_callers_who_interrupt_never_hear_each_others_words(case: Case, seed: int) -> None:
    async def caller(voice: Voice, chance: random.Random) -> None:
        for _ in range(8):
            words = chance.sample(VOCABULARY, chance.randint(1, 6))
            heard_to_the_end = chance.random() < 0.5
            spoken = await speak(voice, " ".join(words), until=None if heard_to_the_end else chance.randint(1, 3))
            assert spoken.heard == (words if heard_to_the_end else words[: len(spoken.heard)])

    async with talking(case.provider, case.emulator(pace=0.002), **case.options) as voice:
        await asyncio.gather(*(caller(voice, random.Random(f"{seed} {number}")) for number in range(4)))


@each_voice
async def test_a_cancelled_task_leaves_nothing(case: Case) -> None:
    async with talking(case.provider, case.emulator(pace=0.05), **case.options) as voice:
        spoken = Spoken()
        task = asyncio.create_task(speak(voice, TEXT, spoken=spoken))
        while not spoken.pcm and not task.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert spoken.characters == len(TEXT)


FAULTS = [
    (Fault(Kind.REFUSE), ProviderUnavailable, False),
    (Fault(Kind.HANG_AT_CONNECT), ProviderTimeout, False),
    (Fault(Kind.HANG_MID_STREAM), ProviderTimeout, True),
    (Fault(Kind.UNAUTHORIZED), ProviderAuthentication, False),
    (Fault(Kind.RATE_LIMITED, seconds=7), ProviderRateLimit, False),
    (Fault(Kind.SERVER_ERROR), ProviderUnavailable, False),
    (Fault(Kind.GARBAGE), ProviderUnavailable, False),
    (Fault(Kind.ZERO_AUDIO), ProviderUnavailable, False),
    (Fault(Kind.CUT), ProviderUnavailable, True),
]
FAULT_IDS = [fault.kind.value for fault, *_ in FAULTS]


@each_voice
@pytest.mark.parametrize(("fault", "error", "heard"), FAULTS, ids=FAULT_IDS)
@pytest.mark.usefixtures("impatient")
async def test_a_fault_is_an_error_of_its_kind(
    case: Case, fault: Fault, error: type[ProviderError], heard: bool
) -> None:
    emulator = case.emulator()
    emulator.fault = fault
    spoken = Spoken()
    async with talking(case.provider, emulator, **case.options) as voice:
        with pytest.raises(error) as raised:
            await speak(voice, TEXT, spoken=spoken)
    assert type(raised.value) is error
    heard = heard or (case.binary and fault.kind is Kind.GARBAGE)
    assert bool(spoken.pcm) == heard
    assert spoken.characters == (len(TEXT) if heard else 0)
    assert emulator.key not in str(raised.value) + repr(raised.value)
    if fault.kind is Kind.RATE_LIMITED:
        assert raised.value.retry_after == 7


@each_voice
@pytest.mark.parametrize(("fault", "error"), [(fault, error) for fault, error, _ in FAULTS[1:]], ids=FAULT_IDS[1:])
@pytest.mark.usefixtures("impatient")
async def test_a_fault_of_a_connection_that_stood_by_passes(
    case: Case, fault: Fault, error: type[ProviderError]
) -> None:
    emulator = case.emulator()
    async with talking(case.provider, emulator, **case.options) as voice:
        await voice.prepare()  # type: ignore[attr-defined]
        emulator.fault = fault
        with pytest.raises(error):
            await speak(voice, TEXT)
        emulator.fault = None
        assert (await speak(voice, TEXT)).heard == WORDS


@each_voice
async def test_a_slow_voice_is_heard_whole(case: Case) -> None:
    emulator = case.emulator()
    emulator.fault = Fault(Kind.SLOW, seconds=0.01)
    async with talking(case.provider, emulator, **case.options) as voice:
        assert (await speak(voice, TEXT)).heard == WORDS


@each_voice
async def test_what_is_sent_twice_is_heard_once(case: Case) -> None:
    emulator = case.emulator()
    emulator.fault = Fault(Kind.DUPLICATE)
    async with talking(case.provider, emulator, **case.options) as voice:
        for _ in range(2):
            spoken = await speak(voice, TEXT)
            assert spoken.heard == WORDS
            assert len(spoken.pcm) == len(encode(TEXT))
            check_times(case, spoken)


@each_voice
async def test_a_cancelled_handshake_leaves_nothing(case: Case) -> None:
    emulator = case.emulator()
    emulator.fault = Fault(Kind.HANG_AT_CONNECT)
    spoken = Spoken()
    async with talking(case.provider, emulator, **case.options) as voice:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await speak(voice, TEXT, spoken=spoken)
    assert spoken.usage == []


@each_voice
async def test_a_wrong_key_is_refused(case: Case) -> None:
    async with talking(case.provider, case.emulator(), apiKey="wrong-key", **case.options) as voice:
        with pytest.raises(ProviderAuthentication) as raised:
            await speak(voice, TEXT)
    assert "wrong-key" not in str(raised.value)
