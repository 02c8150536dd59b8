"""Providers without a model: what the tests of signalling, media and load put in place of speech and language.

They are named in a plan as `tests.interop.providers:ToneVoice` and made with the plan's options, as a user's own are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import numpy as np

from gateway.providers.base import (
    OUTSIDE_CALL,
    CallContext,
    ChatRequest,
    ReplyEnd,
    ReplyPart,
    SpokenWord,
    TextDelta,
    TranscriberCapabilities,
    Transcript,
    TranscriptHint,
    VoiceCapabilities,
    VoiceChunk,
)

LONG_REPLY = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


def fake_assistant(*, first_message: str = "hello", reply: str = LONG_REPLY, **model: Any) -> dict[str, Any]:
    """An assistant that hears a fixed text in any speech, says `reply` to it, and speaks in tones."""
    return {
        "firstMessage": first_message,
        "transcriber": {"provider": "tests.interop.providers:FixedTranscriber", "text": "can you hear me"},
        "model": {"provider": "tests.interop.providers:FixedModel", "reply": reply, **model},
        "voice": {"provider": "tests.interop.providers:ToneVoice"},
    }


class FixedTranscriber:
    """Hears the same text in every segment, at once."""

    capabilities = TranscriberCapabilities(partials=False, endpoints=False, streaming=False)

    def __init__(self, *, text: str) -> None:
        self._text = text

    async def open(self, context: CallContext = OUTSIDE_CALL) -> FixedStream:
        return FixedStream(self._text)


class FixedStream:
    def __init__(self, text: str) -> None:
        self._text = text
        self._finals: asyncio.Queue[Transcript | None] = asyncio.Queue()

    def push(self, pcm: bytes, at_ms: int) -> None:
        """The audio is not listened to."""

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        self._finals.put_nowait(Transcript(self._text, start_ms, end_ms, final=True, segment=segment))

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while transcript := await self._finals.get():
            yield transcript

    async def close(self) -> None:
        self._finals.put_nowait(None)


class FixedModel:
    """Says the same to everything, after `delay_ms`; with `defect` it raises what no provider should."""

    def __init__(self, *, reply: str = "", delay_ms: int = 0, defect: bool = False, **_: Mapping[str, Any]) -> None:
        self._reply = reply
        self._delay = delay_ms / 1000
        self._defect = defect

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        if self._defect:
            raise ZeroDivisionError("a defect on purpose")
        await asyncio.sleep(self._delay)
        yield TextDelta(self._reply)
        yield ReplyEnd()


class ToneVoice:
    """A 400 Hz tone of 250 ms and 50 ms of silence for every word, at once."""

    capabilities = VoiceCapabilities(word_times=True)
    _WORD_SAMPLES, _PAUSE_SAMPLES = 2000, 400

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncIterator[VoiceChunk]:
        words: Sequence[str] = text.split()
        wave = np.sin(2 * np.pi * 400 * np.arange(self._WORD_SAMPLES) / 8000) * 9000
        tone = np.append(wave, np.zeros(self._PAUSE_SAMPLES)).astype(np.int16).tobytes()
        step = self._WORD_SAMPLES + self._PAUSE_SAMPLES
        for index, word in enumerate(words):
            start = index * step
            yield VoiceChunk(tone, (SpokenWord(word, start, start + self._WORD_SAMPLES),))
