"""Deepgram in real calls: the product as a process, Deepgram's emulator, a softphone that speaks."""

from __future__ import annotations

import asyncio
import audioop
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.media.audio import SAMPLE_BYTES, ms_to_samples
from tests.interop.conversation import OPENING_HOURS, WHERE_IS_MY_ORDER, Conversation, hold_conversation
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers.softphone import Softphone, SoftphonePlan
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.ear import HeardWord, ScriptedEar
from tests.providers.emulators.emulator import running

NOVA, FLUX = "nova-3", "flux-general-en"

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]


async def call(server: DeepgramListen, models: Sequence[str], folder: Path, script: Any) -> Conversation:
    """A call to an assistant that is heard by the first of the models, or by the next."""
    first, *others = ({"provider": "deepgram", "model": model} for model in models)
    plan = {"fallbackPlan": {"transcribers": others}} if others else {}
    assistant = {**fake_assistant(reply="one two three"), "transcriber": {**first, **plan}}
    async with running(server):
        access = {"provider": "deepgram", "apiKey": server.key, "apiUrl": server.url}
        product_plan = ProductPlan(folder / "parley", assistant, changes={"credentials": [access]})
        async with running_product(product_plan) as product:
            phone = SoftphonePlan(folder / "phone")
            conversation = await hold_conversation(product, phone, f"sip:demo@{product.address}", script, order="1")
        assert server.open == 0
        return conversation


class WhatIsSaid:
    """Hears the next of the scripts, from the first sound on: a connection without any, as that of a session which only
    speaks, takes none."""

    def __init__(self, scripts: Iterator[Sequence[str]]) -> None:
        self._scripts = scripts
        self._ear = ScriptedEar([])
        self._began = False

    @property
    def heard_ms(self) -> int:
        return self._ear.heard_ms

    @property
    def words(self) -> list[HeardWord]:
        return self._ear.words

    def push(self, pcm: bytes) -> None:
        if not self._began and audioop.rms(pcm, SAMPLE_BYTES) >= 300:
            self._began = True
            quiet, self._ear = bytes(ms_to_samples(self.heard_ms) * SAMPLE_BYTES), ScriptedEar(next(self._scripts))
            self._ear.push(quiet)
        self._ear.push(pcm)


def listening(*scripts: Sequence[str]) -> DeepgramListen:
    """A server that hears these lines on the first connection with speech, on the second one, and so on."""
    waiting = iter(scripts)
    return DeepgramListen(ear=lambda: WhatIsSaid(waiting))


def spoken_to(server: DeepgramListen) -> int:
    """How many connections got audio for at least a second."""
    return sum(sum(len(one) for one in seen.messages if isinstance(one, bytes)) > 16_000 for seen in server.seen)


def understood(conversation: Conversation) -> list[str]:
    return [turn["text"] for turn in conversation.record["turns"] if turn["role"] == "caller"]


async def ask_twice(phone: Softphone, files: dict[str, Path]) -> None:
    await phone.far_end_spoke()
    await phone.say(files["hours"])
    await phone.far_end_spoke()
    await phone.say(files["order"])
    await phone.far_end_spoke()


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_what_a_caller_says_is_understood_and_billed(model: str, tmp_path: Path) -> None:
    server = listening([OPENING_HOURS, WHERE_IS_MY_ORDER])
    conversation = await call(server, [model], tmp_path, ask_twice)
    assert understood(conversation) == [OPENING_HOURS, WHERE_IS_MY_ORDER]
    (row,) = [row for row in conversation.record["costs"] if row["type"] == "transcriber"]
    assert row["minutes"] * 60 == pytest.approx(conversation.record["duration_ms"] / 1000, abs=3)
    assert spoken_to(server) == 1


@pytest.mark.parametrize("models", [(NOVA, FLUX), (FLUX, NOVA), (NOVA,)])
async def test_a_connection_that_is_lost_in_the_middle_of_a_question_costs_no_word(
    models: tuple[str, ...], tmp_path: Path
) -> None:
    server = listening([OPENING_HOURS, WHERE_IS_MY_ORDER], [WHERE_IS_MY_ORDER])

    async def lose_it(phone: Softphone, files: dict[str, Path]) -> None:
        await phone.far_end_spoke()
        await phone.say(files["hours"])
        await phone.far_end_spoke()
        half = seconds(files["order"]) / 2
        await asyncio.gather(phone.say(files["order"]), dropped(server, half))
        await phone.far_end_spoke()

    conversation = await call(server, models, tmp_path, lose_it)
    assert understood(conversation) == [OPENING_HOURS, WHERE_IS_MY_ORDER]
    assert spoken_to(server) == 2


async def dropped(server: DeepgramListen, after_seconds: float) -> None:
    await asyncio.sleep(after_seconds)
    await server.drop()


def seconds(file: Path) -> float:
    with wave.open(str(file), "rb") as audio:
        return audio.getnframes() / audio.getframerate()
