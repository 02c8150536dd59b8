"""A caller who interrupts a streaming voice, in a real call: what is cancelled at the provider, and what was heard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conversation import Conversation, hold_conversation
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers.softphone import Softphone, SoftphonePlan
from tests.providers.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.emulators.emulator import Emulator, running

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


async def interrupt_the_reply(phone: Softphone, files: dict[str, Path]) -> None:
    await phone.far_end_spoke()
    await phone.say(files["hours"])
    await phone.wait_for("far-speech")
    await asyncio.sleep(1.0)
    await phone.say(files["order"])
    await phone.far_end_spoke()


async def test_an_interruption_is_cancelled_at_the_provider_and_counts_what_was_heard(tmp_path: Path) -> None:
    server = ElevenLabsEmulator(pace=0.2)
    conversation = await call(server, "11labs", "sarah", tmp_path, interrupt_the_reply)
    assert REPLY in server.cancelled
    cut = next(turn["heard"] for turn in conversation.record["turns"][2:] if turn["role"] == "agent")
    assert REPLY.startswith(cut)
    assert 2 <= len(cut.split()) < len(REPLY.split())
