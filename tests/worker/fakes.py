"""Providers that answer at once, without models: for tests of the worker and for load tests of everything else.

Named in an assistant as "tests.worker.fakes:EchoModel" and so on, with their options beside `provider`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from gateway.errors import ProviderUnavailable
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE, ms_to_samples
from gateway.providers.base import (
    OUTSIDE_CALL,
    CallContext,
    ChatRequest,
    ReplyEnd,
    ReplyPart,
    SpokenDelta,
    SpokenWord,
    TextDelta,
    ToolCall,
    TranscriberCapabilities,
    Transcript,
    TranscriptHint,
    VoiceCapabilities,
    VoiceChunk,
)
from gateway.providers.llm.continuation import Continuation
from gateway.providers.usage import Usage

SILENCE_RMS = 60.0
"""Caller audio below this holds no words."""


class ScriptedTranscriber:
    """Says the next line of `texts` for each new stretch of loud audio, nothing for quiet audio. A segment that begins
    where an earlier one began is the same stretch, and gets the same line again.

    :param texts: lines, used in turn by each call
    :param delay_ms: time that a transcript takes
    :param fail_after: segments after which the transcriber fails, 0 for never
    :param opens: whether a call can open it
    :param close_seconds: how long it takes to close
    """

    def __init__(
        self,
        texts: Sequence[str] = ("hello",),
        delay_ms: int = 0,
        fail_after: int = 0,
        opens: bool = True,
        close_seconds: float = 0,
    ) -> None:
        self._opens = opens
        self._close_seconds = close_seconds
        self.capabilities = TranscriberCapabilities(partials=False, endpoints=False, streaming=False)
        self._texts = tuple(texts)
        self._delay = delay_ms / 1000
        self._fail_after = fail_after

    async def open(self, context: CallContext = OUTSIDE_CALL) -> ScriptedStream:
        if not self._opens:
            raise ProviderUnavailable("The scripted transcriber was told not to open.")
        meter = partial(context.meter, Usage("transcriber", "scripted", seconds=1))
        stream = ScriptedStream(self._texts, self._delay, self._fail_after, closed=meter)
        stream.close_seconds = self._close_seconds
        return stream


class ScriptedStream:
    def __init__(self, texts: Sequence[str], delay: float, fail_after: int, *, closed: Callable[[], None]) -> None:
        self.close_seconds = 0.0
        self._on_close = closed
        self._texts = texts
        self._delay = delay
        self._fail_after = fail_after
        self._audio = bytearray()
        self._audio_start = 0
        self._lines: dict[int, str] = {}
        self._asked: asyncio.Queue[Transcript | None] = asyncio.Queue()
        self._count = 0

    def push(self, pcm: bytes, at_ms: int) -> None:
        if not self._audio:
            self._audio_start = at_ms
        # Audio may be missing, on hold for one: what comes keeps its place.
        missing = ms_to_samples(at_ms - self._audio_start) * SAMPLE_BYTES - len(self._audio)
        self._audio += bytes(max(0, missing)) + pcm

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        text = self._line(start_ms) if self._loud(start_ms, end_ms) else ""
        self._asked.put_nowait(Transcript(text, start_ms, end_ms, True, segment))

    def _line(self, start_ms: int) -> str:
        if start_ms not in self._lines:
            self._lines[start_ms] = self._texts[len(self._lines) % len(self._texts)]
        return self._lines[start_ms]

    def _loud(self, start_ms: int, end_ms: int) -> bool:
        first, last = (ms_to_samples(ms - self._audio_start) * SAMPLE_BYTES for ms in (start_ms, end_ms))
        return rms(bytes(self._audio[max(0, first) : max(0, last)])) > SILENCE_RMS

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while (transcript := await self._asked.get()) is not None:
            await asyncio.sleep(self._delay)
            self._count += 1
            if self._fail_after and self._count >= self._fail_after:
                raise ProviderUnavailable("The scripted transcriber was told to fail.")
            yield transcript

    async def close(self) -> None:
        """Counts a second: the length of the audio is known to it only now."""
        self._on_close()
        self._asked.put_nowait(None)
        await asyncio.sleep(self.close_seconds)


class EchoModel:
    """Answers with `reply`, in which {text} is what the caller said last, word by word.

    :param delay_ms: time before the first word
    :param pace_ms: time between words
    :param tool: name of a tool that is called when the caller says it; its result is the reply
    :param fail: requests that fail before one is answered
    :param expects: the kind of answer that the reply asks for
    :param same_id: gives all its tool calls the same id, as some models do
    :param before_tool: text that comes before a tool call
    :param arguments: of tool calls, beside what the caller said
    """

    def __init__(
        self,
        reply: str = "You said {text}.",
        delay_ms: int = 0,
        pace_ms: int = 0,
        tool: str = "",
        fail: int = 0,
        expects: str = "anything",
        same_id: bool = False,
        before_tool: str = "",
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self._reply = reply
        self._delay = delay_ms / 1000
        self._pace = pace_ms / 1000
        self._tool = tool
        self._failures = fail
        self._expects = expects
        self._same_id = same_id
        self._before_tool = before_tool
        self._arguments = arguments or {}
        self.requests: list[ChatRequest] = []

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        self.requests.append(request)
        words = sum(len(message.content.split()) for message in request.messages)
        request.context.meter(Usage("model", "echo", prompt_tokens=words))
        await asyncio.sleep(self._delay)
        if self._failures:
            self._failures -= 1
            raise ProviderUnavailable("The echo model was told to fail.")
        last = request.messages[-1]
        if self._tool and last.role == "user" and self._tool in last.content:
            if self._before_tool:
                yield TextDelta(self._before_tool)
            number = "same" if self._same_id else f"call-{len(request.messages)}"
            yield ToolCall(number, self._tool, {"said": last.content, **self._arguments})
        else:
            behind = Continuation(request.said)
            for word in (behind.push(f"{self._text(request)} ") + behind.finish()).split():
                yield TextDelta(word + " ")
                await asyncio.sleep(self._pace)
        yield ReplyEnd(self._expects)

    def _text(self, request: ChatRequest) -> str:
        last = request.messages[-1]
        return last.content if last.role == "tool" else self._reply.replace("{text}", last.content)


class SpeakingModel:
    """Speaks `reply` by itself, a word of `word_ms` a piece, the first `ahead` words told at once.

    `heard` is how many samples of each item the caller was sent, as it was told.
    """

    heard: ClassVar[dict[str, int]] = {}

    def __init__(self, reply: str, word_ms: int = 100, ahead: int = 1) -> None:
        self._words = reply.split()
        self._tone = tone(word_ms)
        self._ahead = ahead

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        item = f"item {len(request.messages)}"
        self.heard[item] = 0
        for index, _ in enumerate(self._words):
            told = self._words[: self._ahead] if not index else self._words[index + self._ahead - 1 :][:1]
            yield SpokenDelta(item, " ".join(told), self._tone)
            await asyncio.sleep(0)
        yield SpokenDelta(item, final=True)
        yield ReplyEnd()

    def played(self, item: str, samples: int, context: CallContext) -> None:
        self.heard[item] = samples


class ToneVoice:
    """A tone per word, `word_ms` each, all at once or a word at a time.

    :param delay_ms: time before the first audio
    :param word_times: whether the words' times are told
    :param fail_on: a word that makes it fail
    :param hang_on: a word of texts that it never begins
    """

    def __init__(
        self, word_ms: int = 300, delay_ms: int = 0, word_times: bool = True, fail_on: str = "", hang_on: str = ""
    ) -> None:
        self.capabilities = VoiceCapabilities(word_times=word_times)
        self._samples = ms_to_samples(word_ms)
        self._delay = delay_ms / 1000
        self._fail_on = fail_on
        self._hang_on = hang_on
        self._tone = tone(word_ms)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncIterator[VoiceChunk]:
        context.meter(Usage("voice", "tone", characters=len(text)))
        await asyncio.sleep(3600 if self._hang_on and self._hang_on in text else self._delay)
        for index, word in enumerate(text.split()):
            if self._fail_on and self._fail_on in word:
                raise ProviderUnavailable("The tone voice was told to fail.")
            times = SpokenWord(word, index * self._samples, (index + 1) * self._samples)
            yield VoiceChunk(self._tone, (times,) if self.capabilities.word_times else ())


def tone(ms: int, *, hertz: int = 440, level: int = 6000) -> bytes:
    """A sine of `ms` milliseconds, peak `level`."""
    times = np.arange(ms_to_samples(ms)) / SAMPLE_RATE
    return (np.sin(2 * np.pi * hertz * times) * level).astype("<i2").tobytes()


def rms(pcm: bytes) -> float:
    """Level of s16le audio."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    return float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0


class BrokenModel:
    """Has a bug: raises what no provider should."""

    def __init__(self, reply: str = "") -> None:
        self._reply = reply

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        yield TextDelta(str(len(request.messages) // 0))
