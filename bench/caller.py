"""A caller for benchmarks: holds calls with a running product and returns what the wire and the records say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Figure
from tests.interop.conversation import CapturedCall, in_call
from tests.interop.product import Product
from tests.peers import speech
from tests.peers.asterisk import running_asterisk
from tests.peers.rtp import pacing
from tests.peers.softphone import SoftphonePlan

INTERRUPT_AFTER_SECONDS = 1.2
"""Of the agent's speech."""


@dataclass(frozen=True, slots=True)
class HeldCall:
    """One call, seen from the wire, from its record and from its recording."""

    call: CapturedCall
    record: dict[str, Any]
    recording: Path


def write_questions(folder: Path, questions: Sequence[speech.Samples]) -> list[Path]:
    """One WAV file for each question."""
    folder.mkdir(parents=True, exist_ok=True)
    return [speech.write_wav(folder / f"{index}.wav", samples) for index, samples in enumerate(questions)]


async def ask(product: Product, folder: Path, questions: Sequence[speech.Samples]) -> HeldCall:
    """One call: hear the greeting, ask each question and hear its answer."""
    files = await asyncio.to_thread(write_questions, folder / "says", questions)
    before = len(product.records())
    async with in_call(SoftphonePlan(folder), f"sip:demo@{product.address}") as call:
        await call.phone.far_end_spoke()
        for file in files:
            await call.phone.say(file)
            await call.phone.far_end_spoke()
    return await held_call(product, call, before)


async def held_call(product: Product, call: CapturedCall, before: int) -> HeldCall:
    """A call that is over, with its record: the one that came after `before` others."""
    record = (await product.wait_for_records(before + 1))[-1]
    return HeldCall(call, record, product.plan.data / "calls" / record["recording"])


async def interrupt(product: Product, folder: Path, questions: Sequence[speech.Samples]) -> HeldCall:
    """One call: ask each question while the greeting, or the answer to the question before, is spoken."""
    files = await asyncio.to_thread(write_questions, folder / "says", questions)
    before = len(product.records())
    async with in_call(SoftphonePlan(folder), f"sip:demo@{product.address}") as call:
        for file in files:
            await call.phone.wait_for("far-speech")
            await asyncio.sleep(INTERRUPT_AFTER_SECONDS)
            await call.phone.say(file)
        await call.phone.wait_for("far-speech")
    return await held_call(product, call, before)


async def echo_reference(folder: Path) -> list[Figure]:
    """The rig without Parley: the softphone's speech to Asterisk's echo, both ends of the way on the same wire."""
    samples = speech.join(*(speech.human_digits("4821") for _ in range(5)), pause_ms=900)
    (file,) = write_questions(folder / "says", [samples])
    async with running_asterisk() as pbx:
        plan = SoftphonePlan(folder, domain=pbx.address, password=pbx.plan.phone_password)
        async with in_call(plan, f"sip:200@{pbx.address}") as call:
            await asyncio.sleep(0.5)
            await call.phone.say(file)
            await asyncio.sleep(1)
    pairs = zip(call.caller_spurts, call.agent_spurts, strict=True)
    delays = [(echo.start_ns - said.start_ns) / 1e6 for said, echo in pairs]
    gap = pacing(call.agent.packets).gap_max_ms
    return [Figure.of("echo by Asterisk, onset to onset", delays), Figure.of("widest gap of Asterisk's RTP", [gap])]
