"""Calls in which providers fail: an assistant for each kind of provider, their emulated servers, and what was heard."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.interop.conversation import CapturedCall, Conversation, in_call
from tests.interop.digit_ear import DIGITS, DigitEar
from tests.interop.product import Product, ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech
from tests.peers.rtp import Sound, decode
from tests.peers.softphone import SoftphonePlan
from tests.providers.emulators.answers import Answer
from tests.providers.emulators.assembly_ai import AssemblyAi
from tests.providers.emulators.azure_speech import AzureSpeech
from tests.providers.emulators.cartesia import CartesiaEmulator
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault
from tests.providers.emulators.openai_chat import OpenAiChat
from tests.providers.emulators.openai_speech import OpenAiSpeech
from tests.providers.emulators.playht import PlayHTEmulator
from tests.providers.emulators.speaking import Speaking
from tests.providers.emulators.tone_words import hear, sounds_like

REPLY = "yes order number red blue river yellow black white apple orange lemon silver coffee water"
GREETING = "hello thank you"
SHORT_REPLY = "yes order today"
"""Where it is the caller who is to be understood."""
SORRY = "I am sorry"
"""Each apology begins so."""
CHAINS = {
    "streaming-voice": ("11labs", "cartesia"),
    "http-voice": ("openai", "azure"),
    "silent-voice": ("playht", "cartesia"),
    "transcriber": ("deepgram", "assembly-ai"),
    "model": ("together-ai", "groq"),
}
"""Number that is called → the providers of the assistant's stage of that kind, the preferred one first."""
_PIECES = Speaking(chunk_ms=120, pace=4)
"""Four times as fast as it is spoken, as from a provider."""
_PACE = 0.017


@asynccontextmanager
async def providers(*, breaker_failures: int = 100) -> AsyncIterator[Providers]:
    """The servers, all of them well."""
    served: dict[str, Emulator] = {
        "11labs": ElevenLabsEmulator(pace=_PACE),
        "cartesia": CartesiaEmulator(pace=_PACE),
        "openai": OpenAiSpeech(speaking=_PIECES),
        "azure": AzureSpeech(speaking=_PIECES),
        "playht": PlayHTEmulator(speaking=_PIECES),
        "deepgram": DeepgramListen(ear=DigitEar),
        "assembly-ai": AssemblyAi(DigitEar),
        "together-ai": OpenAiChat(lambda _: Answer(REPLY), first=0.1, pace=0.02),
        "groq": OpenAiChat(lambda _: Answer(REPLY), first=0.1, pace=0.02),
    }
    async with AsyncExitStack() as stack:
        for emulator in served.values():
            await stack.enter_async_context(running(emulator))
        yield Providers(served, breaker_failures)


@dataclass(frozen=True, slots=True)
class Providers:
    """:param breaker_failures: after so many one is out of use, for longer than any run takes"""

    served: Mapping[str, Emulator]
    breaker_failures: int

    def settings(self) -> dict[str, Any]:
        """What is laid over the product's settings."""
        return {
            "assistants": {number: _assistant(number) for number in CHAINS},
            "routes": [{"assistant": number, "number": number} for number in CHAINS],
            "credentials": [self._credential(name) for name in self.served],
            "failover": {"breaker_failures": self.breaker_failures, "breaker_seconds": 300},
        }

    def _credential(self, name: str) -> dict[str, Any]:
        emulator = self.served[name]
        url = emulator.api_url if isinstance(emulator, OpenAiChat) else emulator.url
        return {"provider": name, "apiKey": emulator.key, "apiUrl": url, "userId": "emulated-user"}

    async def fail(self, faults: Mapping[str, Fault]) -> None:
        """From now on these have faults; a transcriber loses the connections that it has."""
        for name, fault in faults.items():
            emulator = self.served[name]
            emulator.fault = fault
            if isinstance(emulator, DeepgramListen):
                await emulator.drop()

    def relieve(self, names: Iterable[str]) -> None:
        """These are well again."""
        for name in names:
            self.served[name].fault = None

    @asynccontextmanager
    async def product(self, folder: Path) -> AsyncIterator[Product]:
        """Parley with the assistants."""
        async with running_product(ProductPlan(folder, fake_assistant(), changes=self.settings())) as product:
            yield product


def _assistant(number: str) -> dict[str, Any]:
    first, second = CHAINS[number]
    reply = SHORT_REPLY if number == "transcriber" else REPLY
    assistant = {**fake_assistant(first_message=GREETING, reply=reply), "voice": _VOICES["azure"]}
    if number.endswith("voice"):
        assistant["voice"] = {**_VOICES[first], "fallbackPlan": {"voices": [_VOICES[second]]}}
    elif number == "transcriber":
        plan = {"transcribers": [{"provider": second}]}
        # Who reads out a number makes pauses: it is to be one turn, also when the machine is busy.
        assistant["startSpeakingPlan"] = {"waitSeconds": 0.8}
        assistant["transcriber"] = {"provider": first, "model": "nova-3", "fallbackPlan": plan}
    else:
        plan = {"models": [{"provider": second, "model": "one"}]}
        assistant["model"] = {"provider": first, "model": "one", "fallbackPlan": plan}
    return assistant


_VOICES: Mapping[str, dict[str, Any]] = {
    "11labs": {"provider": "11labs", "voiceId": "sarah"},
    "cartesia": {"provider": "cartesia", "voiceId": "a0e99841-438c-4a64-b679-ae501e7d6091"},
    "openai": {"provider": "openai", "voiceId": "alloy"},
    "azure": {"provider": "azure", "voiceId": "andrew"},
    "playht": {"provider": "playht", "voiceId": "jennifer"},
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What the caller says, and what fails from `after_seconds` into it until the answer is over.

    `ends`: the other side is to hang up then.
    """

    file: Path
    faults: Mapping[str, Fault] = field(default_factory=dict)
    after_seconds: float = 0.0
    ends: bool = False


def question(folder: Path) -> Path:
    """Something to ask; the transcriber that hears it has its text already."""
    return _written(folder, "question", speech.synthetic("Can you hear me?"))


def number_read_out(folder: Path, digits: str) -> Path:
    """Digits by a human, which `DigitEar` hears."""
    return _written(folder, digits, speech.human_digits(digits))


def _written(folder: Path, name: str, samples: speech.Samples) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return speech.write_wav(folder / f"{name}.wav", samples)


async def hold(
    product: Product,
    served: Providers,
    folder: Path,
    number: str,
    turns: Sequence[Turn],
    *,
    quiet_seconds: float = 1.0,
    relieve: bool = True,
) -> Conversation:
    """A call to `number`. An answer is over after `quiet_seconds` without a sound; after it all are well again, where
    they are to be relieved."""
    before = len(product.records(number))
    async with in_call(SoftphonePlan(folder), f"sip:{number}@{product.address}") as call:
        await call.phone.far_end_spoke()
        for turn in turns:
            call.phone.play(turn.file)
            await asyncio.sleep(turn.after_seconds)
            await served.fail(turn.faults)
            if turn.ends:
                await call.phone.wait_for("ended", seconds=30)
            else:
                await call.phone.wait_for("played")
                await call.phone.far_end_spoke(quiet_seconds=quiet_seconds)
            if relieve:
                served.relieve(turn.faults)
    return Conversation(call, (await product.wait_for_records(before + 1, number=number))[-1])


@dataclass(frozen=True, slots=True)
class Sounded:
    """A word, or a part of one, that the caller heard; in s after the caller's last word."""

    text: str
    start: float
    end: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What the caller heard between one thing that he said and the next."""

    words: Sequence[Sounded]

    @property
    def lost(self) -> int:
        """Words of the reply that were never heard whole."""
        return sum((Counter(sounds_like(REPLY)) - self._heard).values())

    @property
    def doubled(self) -> int:
        """Words of the reply that were heard again."""
        return sum(max(0, self._heard[word] - 1) for word in sounds_like(REPLY))

    @property
    def _heard(self) -> Counter[str]:
        return Counter(word.text for word in self.words if word.whole)

    @property
    def text(self) -> str:
        """All words, those that were heard in part in brackets."""
        return " ".join(word.text if word.whole else f"({word.text})" for word in self.words)

    @property
    def broken(self) -> int:
        """Words that were heard in part."""
        return sum(not word.whole for word in self.words)

    @property
    def gap_ms(self) -> float:
        """The longest silence between two words."""
        return 1000 * max((later.start - word.end for word, later in pairwise(self.words)), default=0.0)

    @property
    def delay_ms(self) -> float:
        """Until the first word."""
        return 1000 * self.words[0].start

    @property
    def silence_ms(self) -> float:
        """The longest silence of all."""
        return max(self.delay_ms, self.gap_ms)

    @property
    def sorry_ms(self) -> float:
        """Until the apology. :raises ValueError: there was none"""
        texts = [word.text for word in self.words]
        for at in range(len(texts)):
            if texts[at : at + 3] == sounds_like(SORRY):
                return 1000 * self.words[at].start
        raise ValueError(f"no apology was heard, but: {self.text}")


def answers(call: CapturedCall) -> list[Answered]:
    """What was heard since the caller began each thing that he said, by the captured RTP."""
    sound, spurts = decode(call.agent), call.caller_spurts
    borders = [*(spurt.start_ns for spurt in spurts), int(sound.at_ns[-1]) + 1]
    return [
        _answered(sound, border, until, spurt.end_ns)
        for (border, until), spurt in zip(pairwise(borders), spurts, strict=True)
    ]


def _answered(sound: Sound, border: int, until: int, end: int) -> Answered:
    """What was heard between two captures, timed from a third."""
    heard = [(at, frame) for at, frame in zip(sound.at_ns.tolist(), sound.frames, strict=True) if border <= at < until]
    late = (heard[0][0] - end) / 1e9 if heard else 0.0
    words = hear(b"".join(frame.tobytes() for _, frame in heard))
    return Answered([Sounded(w.text, late + w.start_ms / 1000, late + w.end_ms / 1000, w.whole) for w in words])


def digits_understood(conversation: Conversation) -> str:
    """The digits that the caller's turns have in the record."""
    texts = (turn["text"].lower() for turn in conversation.record["turns"] if turn["role"] == "caller")
    words = (word.strip(".,") for text in texts for word in text.split())
    return "".join(str(DIGITS.index(word)) for word in words if word in DIGITS)


def digits_recorded(product: Product, conversation: Conversation) -> str:
    """The digits that reached the product, by its recording: on a busy machine not all packets come in time."""
    ear = DigitEar()
    ear.push(speech.read_wav(product.plan.data / "calls" / conversation.record["recording"]).tobytes())
    return "".join(str(DIGITS.index(word.text)) for word in ear.words if word.text in DIGITS)
