"""What the emulated voices with a WebSocket have in common: reading while speaking, and audio in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass

from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from tests.providers.emulators.emulator import Emulator
from tests.providers.emulators.fault import AT_HANDSHAKE, Fault
from tests.providers.emulators.tone_words import GAP_MS, WORD_MS, encode

PIECE_BYTES = 1110
"""69 ms, not a multiple of the tones' period: no two pieces of a word are the same."""


class SpeakingEmulator(Emulator):
    """A voice whose connections live longer than a text: what is wrong with its handshake hits new connections, and
    each fault hits the next text, also on connections that stand by already.

    :param pace: seconds before each message with audio
    :param idle_seconds: a connection without a message for this time is ended
    """

    def __init__(self, *, key: str = "emulated-key", pace: float = 0.0, idle_seconds: float = 60.0) -> None:
        super().__init__(key=key)
        self.pace = pace
        self.idle_seconds = idle_seconds
        self.cancelled: list[str] = []
        """Texts that the client did not want any more before all of them was sent."""

    loses_connections = False

    def take_fault(self) -> Fault | None:
        """For a handshake: only what can go wrong with it."""
        return super().take_fault() if self.fault is not None and self.fault.kind in AT_HANDSHAKE else None

    def fault_of_text(self) -> Fault | None:
        """What is wrong with the text that comes now."""
        return super().take_fault()


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word with its times, ms from the start of the text's audio."""

    text: str
    start_ms: int
    end_ms: int


def said(text: str) -> list[SaidWord]:
    """When each word of a text sounds; the same for each emulated voice."""
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    step = WORD_MS + GAP_MS
    return [SaidWord(word, at * step, at * step + WORD_MS) for at, word in enumerate(words)]


def pieces(text: str, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """The text's audio, 8000 Hz mono s16le, in pieces; an odd size cuts samples."""
    pcm = encode(text)
    for at in range(0, len(pcm), size):
        yield pcm[at : at + size]


def length_ms(pcm: bytes) -> float:
    """How long audio lasts."""
    return len(pcm) / SAMPLE_BYTES * 1000 / SAMPLE_RATE


async def until_one_ends(reading: Coroutine[None, None, None], speaking: Coroutine[None, None, None]) -> None:
    """Run both; when one ends the other is stopped. What it raised is raised."""
    tasks = [asyncio.create_task(reading), asyncio.create_task(speaking)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
