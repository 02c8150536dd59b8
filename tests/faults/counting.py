"""A conversation whose words can be told from each other by their sound: which of them a caller heard, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import (
    OUTSIDE_CALL,
    CallContext,
    ChatRequest,
    ReplyEnd,
    ReplyPart,
    SpokenWord,
    TextDelta,
    ToolCall,
    VoiceCapabilities,
    VoiceChunk,
)
from tests.interop.providers import fake_assistant
from tests.peers.rtp import RtpStream, decode

WORD_MS, PAUSE_MS = 160, 40
_LOWEST_HZ, _STEP_HZ = 300, 50
_LOUD = 1000
VOICE = {"provider": "tests.faults.counting:CountingVoice"}


class CountingVoice:
    """Says the word `w7` as a tone of its own, `pace` times as fast as it is heard."""

    capabilities = VoiceCapabilities(word_times=True)

    def __init__(self, pace: float = 1.6) -> None:
        self._seconds = (WORD_MS + PAUSE_MS) / 1000 / pace

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncIterator[VoiceChunk]:
        at = 0
        for word in text.split():
            await asyncio.sleep(self._seconds)
            tone = _tone(_number(word))
            samples = WORD_MS * SAMPLE_RATE // 1000
            yield VoiceChunk(tone.tobytes(), (SpokenWord(word, at, at + samples),))
            at += len(tone)


class CountingModel:
    """Counts to `words`, from where the conversation is; in the middle it uses the tool `book`."""

    def __init__(self, *, words: int, **_: Any) -> None:
        self._words = words

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        said = [request.said, *(one.content for one in request.messages if one.role == "assistant")]
        begin = max((_number(word) + 1 for text in said for word in text.split()), default=0)
        used = any(one.role == "tool" for one in request.messages)
        for number in range(begin, self._words if used else self._words // 2):
            yield TextDelta(f"{_word(number)} ")
        if not used:
            yield ToolCall("booking", "book", {})
        yield ReplyEnd()


def counting_assistant(words: int) -> dict[str, Any]:
    """Says w0 to w`words`, in sentences of five."""
    said = " ".join(map(_word, range(words)))
    return {**fake_assistant(first_message=said), "voice": VOICE}


def booking_assistant(words: int, url: str) -> dict[str, Any]:
    """Says the same, by a model that uses a tool at `url` meanwhile."""
    tool = {"type": "function", "function": {"name": "book", "parameters": {"type": "object", "properties": {}}}}
    model = {
        "provider": "tests.faults.counting:CountingModel",
        "words": words,
        "tools": [{**tool, "server": {"url": url}}],
    }
    greeting = {"firstMessage": "", "firstMessageMode": "assistant-speaks-first-with-model-generated-message"}
    return {**fake_assistant(), **greeting, "model": model, "voice": VOICE}


@dataclass(frozen=True, slots=True)
class Heard:
    """A word, from its first loud packet to its last, ns of capture time."""

    number: int
    start_ns: int
    end_ns: int


def words_in(stream: RtpStream) -> list[Heard]:
    """What was heard. A word that was cut short counts when four packets of it were."""
    sound = decode(stream)
    heard: list[Heard] = []
    run: list[int] = []
    for index in range(len(sound.frames) + 1):
        number = _heard_number(sound.frames[index]) if index < len(sound.frames) else None
        if run and number != _heard_number(sound.frames[run[0]]):
            first = _heard_number(sound.frames[run[0]])
            if first is not None and len(run) >= 4:
                heard.append(Heard(first, int(sound.at_ns[run[0]]), int(sound.at_ns[run[-1]])))
            run = []
        if number is not None:
            run.append(index)
    return heard


def _heard_number(frame: np.ndarray[tuple[int], np.dtype[np.int16]]) -> int | None:
    if np.abs(frame).max() < _LOUD:
        return None
    spectrum = np.abs(np.fft.rfft(frame * np.hanning(len(frame)), 1600))
    return round((int(spectrum.argmax()) * SAMPLE_RATE / 1600 - _LOWEST_HZ) / _STEP_HZ)


def _word(number: int) -> str:
    return f"w{number}." if number % 5 == 4 else f"w{number}"


def _number(word: str) -> int:
    return int("".join(letter for letter in word if letter.isdigit()) or 0)


def _tone(number: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    samples = np.arange(WORD_MS * SAMPLE_RATE // 1000)
    wave = np.sin(2 * np.pi * (_LOWEST_HZ + _STEP_HZ * number) * samples / SAMPLE_RATE) * 9000
    return np.append(wave, np.zeros(PAUSE_MS * SAMPLE_RATE // 1000)).astype(np.int16)
