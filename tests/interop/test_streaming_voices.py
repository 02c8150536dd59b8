"""The streaming voices in real calls: the product as a process, the provider's emulator, a softphone that listens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conversation import Conversation, hold_conversation
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers.rtp import decode
from tests.peers.softphone import Softphone, SoftphonePlan
from tests.providers.emulators.cartesia import CartesiaEmulator
from tests.providers.emulators.deepgram_speak import DeepgramSpeakEmulator
from tests.providers.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.playht import PlayHTEmulator
from tests.providers.emulators.tone_words import decode as words_in

GREETING = "hello thank you"
REPLY = "yes one two three four five six seven eight nine ten eleven twelve today"

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]


async def call(emulator: Emulator, provider: str, voice: str, folder: Path, script: Any) -> Conversation:
    """A call to an assistant with this voice."""
    assistant = {
        **fake_assistant(first_message=GREETING, reply=REPLY),
        "voice": {"provider": provider, "voiceId": voice},
    }
    async with running(emulator):
        access = {"provider": provider, "apiKey": emulator.key, "apiUrl": emulator.url, "userId": "emulated-user"}
        plan = ProductPlan(folder / "parley", assistant, changes={"credentials": [access]})
        async with running_product(plan) as product:
            phone = SoftphonePlan(folder / "phone")
            conversation = await hold_conversation(product, phone, f"sip:demo@{product.address}", script, order="1")
        assert emulator.open == 0
        return conversation


def heard(conversation: Conversation) -> str:
    """The words that left for the caller."""
    return " ".join(word for word, _, _ in words_in(decode(conversation.call.agent).pcm()))


async def ask_once(phone: Softphone, files: dict[str, Path]) -> None:
    await phone.far_end_spoke()
    await phone.say(files["hours"])
    await phone.far_end_spoke()


async def interrupt_the_reply(phone: Softphone, files: dict[str, Path]) -> None:
    await phone.far_end_spoke()
    await phone.say(files["hours"])
    await phone.wait_for("far-speech")
    await asyncio.sleep(1.0)
    await phone.say(files["order"])
    await phone.far_end_spoke()


@pytest.mark.parametrize(
    ("provider", "emulator", "voice"),
    [
        ("11labs", ElevenLabsEmulator, "sarah"),
        ("cartesia", CartesiaEmulator, "a0e99841-438c-4a64-b679-ae501e7d6091"),
        ("deepgram", DeepgramSpeakEmulator, "thalia"),
        ("playht", PlayHTEmulator, "jennifer"),
    ],
)
async def test_a_caller_hears_each_word_once_and_it_is_billed(
    provider: str, emulator: type[Emulator], voice: str, tmp_path: Path
) -> None:
    server = emulator()
    conversation = await call(server, provider, voice, tmp_path, ask_once)
    assert heard(conversation) == f"{GREETING} {REPLY}"
    said = [turn["heard"] for turn in conversation.record["turns"] if turn["role"] == "agent"]
    assert said == [GREETING, REPLY]
    (row,) = [row for row in conversation.record["costs"] if row["type"] == "voice"]
    assert row["characters"] == len(GREETING) + len(REPLY)


async def test_an_interruption_is_cancelled_at_the_provider_and_counts_what_was_heard(tmp_path: Path) -> None:
    server = ElevenLabsEmulator(pace=0.06)
    conversation = await call(server, "11labs", "sarah", tmp_path, interrupt_the_reply)
    assert server.cancelled == [REPLY]
    cut = next(turn["heard"] for turn in conversation.record["turns"][2:] if turn["role"] == "agent")
    assert REPLY.startswith(cut)
    assert 2 <= len(cut.split()) < len(REPLY.split())
