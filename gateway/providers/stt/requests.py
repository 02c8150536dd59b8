"""Transcribes segments on request, by one HTTP request each: keeps a call's last 90 s, and sends spans of it.

A newer `finish` supersedes the older ones of its span, also one that is on its way: the turn went on, so its text is
of no use. Requests for spans that only follow each other run side by side.
"""

from __future__ import annotations

import asyncio
import io
import wave
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.errors import ProviderError
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from gateway.providers.base import (
    OUTSIDE_CALL,
    CallContext,
    TranscriberCapabilities,
    Transcript,
    TranscriptHint,
)
from gateway.providers.stt.history import AudioHistory
from gateway.providers.usage import Meter

_PRE_ROLL_MS = 300
_POST_ROLL_MS = 200


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was said, empty for nothing. `confidence` is 0…1, or None."""

    text: str
    confidence: float | None = None


class RequestRecogniser(Protocol):
    """One provider's request for the text of a span of speech."""

    async def recognise(self, pcm: bytes, hint: TranscriptHint, meter: Meter) -> Recognition:
        """The text of the audio (8000 Hz mono s16le). Cancelling it ends the request.

        :raises ProviderError: it failed
        """
        ...

    async def prepare(self) -> None:
        """Open a connection before it is needed. Never raises `ProviderError`."""

    async def close(self) -> None:
        """End the connections that are kept."""


class RequestTranscriber:
    """Such a recogniser as a transcriber."""

    def __init__(self, recogniser: RequestRecogniser) -> None:
        self._recogniser = recogniser

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Whole segments only."""
        return TranscriberCapabilities(partials=False, endpoints=False, streaming=False)

    async def open(self, context: CallContext = OUTSIDE_CALL) -> RequestStream:
        """Transcription of one call."""
        return RequestStream(self._recogniser, context.meter)

    async def prepare(self) -> None:
        """A call is about to use it."""
        await self._recogniser.prepare()

    async def close(self) -> None:
        """The process ends."""
        await self._recogniser.close()


@dataclass(slots=True, eq=False)
class _Request:
    answer: Transcript
    """What it is answered with, once the text is known."""
    hint: TranscriptHint
    pcm: bytes
    superseded: bool = False
    task: asyncio.Task[None] | None = None

    def covers(self, other: _Request) -> bool:
        """Whether the answer to this request makes the other's needless."""
        return self.answer.start_ms <= other.answer.start_ms and self.answer.end_ms >= other.answer.end_ms


class RequestStream:
    """One call's transcription: iterate it for the final transcripts."""

    def __init__(self, recogniser: RequestRecogniser, meter: Meter) -> None:
        self._recogniser = recogniser
        self._meter = meter
        self._history = AudioHistory()
        self._requests: set[_Request] = set()
        self._results: asyncio.Queue[Transcript | ProviderError | None] = asyncio.Queue()
        self._closed = False

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Caller audio that starts at `at_ms` of the call clock."""
        self._history.push(pcm, at_ms)

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        """Ask for the text of [start_ms, end_ms]. Real audio around it goes along, as far as it is there."""
        if self._closed:
            return
        pcm = self._history.cut(start_ms - _PRE_ROLL_MS, end_ms + _POST_ROLL_MS)
        request = _Request(Transcript("", start_ms, end_ms, True, segment), hint, pcm)
        for older in self._requests:
            if request.covers(older) and older.task is not None:
                older.superseded = True
                older.task.cancel()
        self._requests.add(request)
        request.task = asyncio.create_task(self._answer(request), name=f"transcribe segment {segment}")
        request.task.add_done_callback(lambda _: self._done(request))

    async def _answer(self, request: _Request) -> None:
        try:
            heard = await self._recogniser.recognise(request.pcm, request.hint, self._meter)
            self._results.put_nowait(replace(request.answer, text=heard.text, confidence=heard.confidence))
        except ProviderError as error:
            self._results.put_nowait(error)

    def _done(self, request: _Request) -> None:
        # Not in the task itself: it may be cancelled before it began.
        self._requests.discard(request)
        if request.superseded:
            self._results.put_nowait(replace(request.answer, superseded=True))

    def __aiter__(self) -> RequestStream:
        return self

    async def __anext__(self) -> Transcript:
        """The next final transcript, as they come.

        :raises ProviderError: a request failed; the iteration may go on
        """
        result = await self._results.get()
        if result is None:
            raise StopAsyncIteration
        if isinstance(result, ProviderError):
            raise result
        return result

    async def close(self) -> None:
        """End the iteration; what is still asked for is dropped."""
        if self._closed:
            return
        self._closed = True
        tasks = [request.task for request in self._requests if request.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._results.put_nowait(None)


def seconds_of(pcm: bytes) -> float:
    """How long 8000 Hz mono s16le lasts."""
    return len(pcm) / SAMPLE_BYTES / SAMPLE_RATE


def wav(pcm: bytes) -> bytes:
    """8000 Hz mono s16le as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(SAMPLE_BYTES)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(pcm)
    return file.getvalue()
