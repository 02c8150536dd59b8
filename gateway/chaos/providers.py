"""Who hears, answers and speaks in the calls of `parley chaos`: quick, the same each time, and easily checked.

They are named in the assistant as `gateway.chaos.providers:CountingModel`, as a user's own are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from gateway.chaos.tones import PAUSE_MS, WORD_MS, number_of, passage, tone
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
    TranscriberCapabilities,
    Transcript,
    TranscriptHint,
    VoiceCapabilities,
    VoiceChunk,
)

EFFECT = "note_turn"
"""The tool that the model runs before each answer."""
_PACE = 1.6
"""How many times as fast as it is heard the voice speaks."""


class CountingVoice:
    """Says each number as its tone."""

    capabilities = VoiceCapabilities(word_times=True)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncIterator[VoiceChunk]:
        """One chunk for each word."""
        at = 0
        for word in text.split():
            await asyncio.sleep((WORD_MS + PAUSE_MS) / 1000 / _PACE)
            sound = tone(number_of(word))
            yield VoiceChunk(sound.tobytes(), (SpokenWord(word, at, at + WORD_MS * SAMPLE_RATE // 1000),))
            at += len(sound)


class CountingModel:
    """Answers the caller's first turn with the second passage of numbers, and so on, by what its messages hold: a turn
    that was lost, or counted twice, is heard. Before each answer it runs a tool."""

    def __init__(self, *, words: int, **_: Any) -> None:
        self._words = words

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        """A tool call first, the numbers when it has a result."""
        asked = [at for at, message in enumerate(request.messages) if message.role == "user"]
        since = request.messages[asked[-1] :] if asked else request.messages
        if any(message.role == "tool" for message in since):
            yield TextDelta(_rest(said(len(asked), self._words), request.said))
        else:
            yield ToolCall(f"turn-{len(asked)}", EFFECT, {"turn": len(asked)})
        yield ReplyEnd()


class DeafTranscriber:
    """Hears "Go on, please." in every segment, at once."""

    capabilities = TranscriberCapabilities(partials=False, endpoints=False, streaming=False)

    async def open(self, context: CallContext = OUTSIDE_CALL) -> _Stream:
        return _Stream()


class _Stream:
    def __init__(self) -> None:
        self._finals: asyncio.Queue[Transcript | None] = asyncio.Queue()

    def push(self, pcm: bytes, at_ms: int) -> None:
        """The audio is not listened to."""

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        self._finals.put_nowait(Transcript("Go on, please.", start_ms, end_ms, final=True, segment=segment))

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while transcript := await self._finals.get():
            yield transcript

    async def close(self) -> None:
        self._finals.put_nowait(None)


def said(turn: int, words: int) -> str:
    """The text of a passage, in sentences of five words."""
    return " ".join(f"w{number}." if at % 5 == 4 else f"w{number}" for at, number in enumerate(passage(turn, words)))


def _rest(text: str, begun: str) -> str:
    """What is left of a text of which this was said already."""
    return text.removeprefix(begun.strip()).lstrip()


def counting_assistant(words: int, tool_url: str) -> dict[str, Any]:
    """The assistant as the settings have it.

    :param words: of the greeting, and of each answer
    :param tool_url: where the tool's requests go
    """
    here = __name__
    parameters = {"type": "object", "properties": {"turn": {"type": "integer"}}, "required": ["turn"]}
    function = {"name": EFFECT, "description": "Note that a turn began.", "parameters": parameters}
    return {
        "firstMessage": said(0, words),
        "transcriber": {"provider": f"{here}:DeafTranscriber"},
        "model": {
            "provider": f"{here}:CountingModel",
            "words": words,
            "tools": [{"type": "function", "function": function, "server": {"url": tool_url}}],
        },
        "voice": {"provider": f"{here}:CountingVoice"},
    }
