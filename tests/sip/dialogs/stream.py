"""RTP of a scripted party: a packet each 20 ms while the block runs, and when what came from the other side came."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.sip.party import LOOPBACK, Party, Received

LOUD = bytes([0x00, 0x80] * 80)
"""PCMU of the loudest square wave."""


def media(answer: Received) -> tuple[str, int]:
    """Where an SDP of theirs wants its audio."""
    return LOOPBACK, int(answer.body.split("m=audio ")[1].split(" ")[0])


def forget_received(ann: Party) -> None:
    """Drop what came in RTP."""
    while not ann.rtp_received.empty():
        ann.rtp_received.get_nowait()


@asynccontextmanager
async def speaking(
    ann: Party, address: tuple[str, int], *, payload: bytes = LOUD, kind: int = 0
) -> AsyncIterator[None]:
    """A packet each 20 ms."""

    async def speak() -> None:
        began = time.monotonic()
        for index in itertools.count():
            await asyncio.sleep(max(0.0, began + index * 0.02 - time.monotonic()))
            ann.speak(index, address=address, payload=payload, kind=kind)

    task = asyncio.create_task(speak())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@dataclass(slots=True)
class Ear:
    """When packets came (monotonic, s), with what in them."""

    packets: list[tuple[float, bytes]] = field(default_factory=list)

    def longest_gap_ms(self) -> float:
        times = [at for at, _ in self.packets]
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0) * 1000


@asynccontextmanager
async def listening(ann: Party) -> AsyncIterator[Ear]:
    """Note each packet that comes."""
    ear = Ear()

    async def listen() -> None:
        while True:
            packet, _ = await ann.rtp_received.get()
            ear.packets.append((time.monotonic(), packet))

    forget_received(ann)
    task = asyncio.create_task(listen())
    try:
        yield ear
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
