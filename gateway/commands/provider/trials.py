"""One real use of a provider, as a call would use it, with the time of each part.

Times are ms of a steady clock. A transcriber hears speech at the pace of a telephone, 20 ms at a time; its transcript
is asked for when the speech ends, and timed from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

from gateway.errors import ProviderError, ProviderTimeout
from gateway.media.audio import FRAME_BYTES, FRAME_MS, SAMPLE_BYTES, samples_to_ms
from gateway.providers.base import (
    CallContext,
    ChatMessage,
    ChatRequest,
    LanguageModel,
    Preparable,
    SpokenDelta,
    TextDelta,
    ToolCall,
    Transcriber,
    TranscriberStream,
    TranscriptHint,
    Voice,
)
from gateway.providers.usage import Usage, UsageBook

LEAD_IN_MS = 300
"""Silence before speech, as on a line."""
_TRANSCRIPT_SECONDS = 5.0
SYSTEM = "You answer the telephone. Reply with one short sentence."


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one use.

    :param ms: the parts in their order, such as "connected" and "first token"; each from the beginning of its own step
    :param text: what was said, or, by a transcriber, heard
    :param heard: what a model that hears by itself took the question for
    :param pcm: what a voice said, 8000 Hz mono s16le
    :param usage: as the provider bills it
    """

    ms: dict[str, float]
    text: str = ""
    pcm: bytes = b""
    usage: Sequence[Usage] = ()
    heard: str = ""

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return samples_to_ms(len(self.pcm) // SAMPLE_BYTES) / 1000


@dataclass(slots=True)
class _Watch:
    """Times of one use, and what it is billed."""

    ms: dict[str, float] = field(default_factory=dict)
    book: UsageBook = field(default_factory=UsageBook)
    begun: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def again(self) -> None:
        """The next step begins."""
        self.begun = asyncio.get_running_loop().time()

    def note(self, part: str) -> None:
        """A part of the step is done; only its first time counts."""
        self.ms.setdefault(part, 1000 * (asyncio.get_running_loop().time() - self.begun))

    @property
    def context(self) -> CallContext:
        return CallContext(call_id="trial", meter=self.book.add)

    def trial(self, text: str, pcm: bytes = b"") -> Trial:
        return Trial(self.ms, text, pcm, self.book.sums)


async def try_model(model: LanguageModel, question: str) -> Trial:
    """Ask a model something.

    :raises ProviderError: it failed, or said nothing
    """
    watch = await _prepared(model)
    request = ChatRequest([ChatMessage("system", SYSTEM), ChatMessage("user", question)], context=watch.context)
    said = ""
    async with aclosing(model.reply(request)) as parts:  # type: ignore[type-var]
        async for part in parts:
            if isinstance(part, ToolCall) or (isinstance(part, TextDelta) and part.text):
                watch.note("first token")
                said += part.text if isinstance(part, TextDelta) else f"[{part.name}]"
    watch.note("whole")
    if not said.strip():
        raise ProviderError("The model said nothing.")
    return watch.trial(said.strip())


async def try_voice(voice: Voice, text: str) -> Trial:
    """Let a voice say something.

    :raises ProviderError: it failed, or made no sound
    """
    watch = await _prepared(voice)
    pcm = bytearray()
    async with aclosing(voice.speak(text, watch.context)) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            if chunk.pcm:
                watch.note("first audio")
                pcm += chunk.pcm
    watch.note("whole")
    if not any(pcm):
        raise ProviderError("The voice made no sound.")
    return watch.trial(text, bytes(pcm))


async def try_transcriber(transcriber: Transcriber, speech: bytes, *, seconds: float = _TRANSCRIPT_SECONDS) -> Trial:
    """Let a transcriber hear speech.

    :param speech: 8000 Hz mono s16le
    :param seconds: for the transcript, after the end of the speech
    :raises ProviderError: it failed, or did not answer in time
    """
    watch = await _prepared(transcriber)
    stream = await transcriber.open(watch.context)
    watch.note("connected")
    try:
        async with _line(stream, speech) as line:
            text = await _transcript(stream, line, watch, seconds)
    finally:
        await stream.close()
    return watch.trial(text)


async def try_speaking_model(transcriber: Transcriber, model: LanguageModel, question: bytes) -> Trial:
    """Ask a model that hears and speaks by itself something, in speech.

    :param transcriber: the model's own ear
    :param question: 8000 Hz mono s16le
    :raises ProviderError: it failed, or made no sound
    """
    watch, pcm, said = _Watch(), bytearray(), list[str]()
    stream = await transcriber.open(watch.context)
    watch.note("connected")
    try:
        async with _line(stream, question) as line:
            heard = await _transcript(stream, line, watch, _TRANSCRIPT_SECONDS)
            watch.again()
            request = ChatRequest([ChatMessage("system", SYSTEM), ChatMessage("user", heard)], context=watch.context)
            async with aclosing(model.reply(request)) as parts:  # type: ignore[type-var]
                async for part in parts:
                    if isinstance(part, SpokenDelta):
                        said.append(part.text.strip())
                        pcm += part.pcm
                        if part.pcm:
                            watch.note("first audio")
            watch.note("whole")
    finally:
        await stream.close()
    if not any(pcm):
        raise ProviderError("The model made no sound.")
    return replace(watch.trial(" ".join(filter(None, said)), bytes(pcm)), heard=heard)


async def _prepared(provider: object) -> _Watch:
    """Connections that a provider opens before it is needed are a step of their own."""
    watch = _Watch()
    if isinstance(provider, Preparable):
        await provider.prepare()
        watch.note("connected")
    watch.again()
    return watch


# ---------------------------------------------------------------- a line that somebody speaks on


@dataclass(slots=True)
class _Line:
    """:param end_ms: of the speech, on the call clock
    :param ended: set when its last frame was sent"""

    end_ms: int
    ended: asyncio.Event


@asynccontextmanager
async def _line(stream: TranscriberStream, speech: bytes) -> AsyncIterator[_Line]:
    """Speech after a moment of silence, then silence until the block ends; 20 ms every 20 ms."""
    frames = list(_frames(speech))
    line = _Line(LEAD_IN_MS + len(frames) * FRAME_MS, asyncio.Event())

    async def send() -> None:
        loop = asyncio.get_running_loop()
        start, at_ms = loop.time(), 0
        while True:
            index = (at_ms - LEAD_IN_MS) // FRAME_MS
            stream.push(frames[index] if 0 <= index < len(frames) else bytes(FRAME_BYTES), at_ms)
            at_ms += FRAME_MS
            if at_ms >= line.end_ms:
                line.ended.set()
            await asyncio.sleep(max(0.0, start + at_ms / 1000 - loop.time()))

    sending = asyncio.create_task(send(), name="line of a trial")
    try:
        yield line
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _transcript(stream: TranscriberStream, line: _Line, watch: _Watch, seconds: float) -> str:
    """The final text of the speech, and when the first words of it came."""
    begun = asyncio.get_running_loop().time() + LEAD_IN_MS / 1000
    finals = asyncio.create_task(_final(stream, watch, begun), name="transcripts of a trial")
    speaking = asyncio.create_task(line.ended.wait())
    try:
        await asyncio.wait([finals, speaking], return_when=asyncio.FIRST_COMPLETED)
        if not finals.done():
            watch.again()
            stream.finish(1, LEAD_IN_MS, line.end_ms, TranscriptHint())
        async with asyncio.timeout(seconds):
            text = await finals
    except TimeoutError:
        raise ProviderTimeout(f"The transcriber gave no transcript within {seconds:g} s.") from None
    finally:
        for task in (finals, speaking):
            task.cancel()
        await asyncio.gather(finals, speaking, return_exceptions=True)
    watch.note("transcript")
    return text


async def _final(stream: TranscriberStream, watch: _Watch, begun: float) -> str:
    async for transcript in stream:
        if transcript.segment == 1 and transcript.final:
            return transcript.text
        if transcript.text:
            watch.ms.setdefault("first words", 1000 * (asyncio.get_running_loop().time() - begun))
    raise ProviderError("The transcriber ended its stream.")


def _frames(pcm: bytes) -> Iterator[bytes]:
    for start in range(0, len(pcm), FRAME_BYTES):
        yield pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
