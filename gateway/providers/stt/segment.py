"""Transcribes segments on request: keeps a call's last 90 s, and has spans of it recognised in a thread pool.

One request of a call is in the pool at a time, the others wait in their order. A newer `finish` supersedes those of its
span that have not begun: the turn went on, so their text is of no use, and the pool's time belongs to the longer span.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

import numpy as np
import soxr

from gateway.errors import ProviderError
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE, samples_to_ms
from gateway.providers.base import OUTSIDE_CALL, CallContext, TranscriberCapabilities, Transcript, TranscriptHint
from gateway.providers.stt.history import AudioHistory
from gateway.providers.stt.recogniser import MODEL_RATE, Hypothesis, Recogniser, Samples
from gateway.providers.usage import Meter, Usage

_PRE_ROLL_MS = 300
_POST_ROLL_MS = 200
_METERED_MS = 5000


@dataclass(frozen=True, slots=True)
class _Request:
    segment: int
    start_ms: int
    end_ms: int
    hint: TranscriptHint
    pcm: bytes

    def covers(self, other: _Request | None) -> bool:
        """Whether the answer to this request makes the other's needless."""
        return other is not None and self.start_ms <= other.start_ms and self.end_ms >= other.end_ms


class SegmentTranscriber:
    """A recogniser as a transcriber. The pool is shared by all calls of the process.

    :param model: its name in the books
    """

    def __init__(self, recogniser: Recogniser, pool: Executor, *, model: str = "embedded") -> None:
        self._recogniser = recogniser
        self._pool = pool
        self._model = model

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Whole segments only."""
        return TranscriberCapabilities(partials=False, endpoints=False, streaming=False)

    async def open(self, context: CallContext = OUTSIDE_CALL) -> SegmentStream:
        """Transcription of one call."""
        meter = AudioMeter(context.meter, Usage("transcriber", "embedded", self._model))
        return SegmentStream(self._recogniser, self._pool, asyncio.get_running_loop(), meter)

    async def warm_up(self) -> None:
        """Run once, so that the first caller does not wait for lazy initialisation."""
        loop = asyncio.get_running_loop()
        noise = (np.random.default_rng(0).standard_normal(2 * MODEL_RATE) / 100).astype(np.float32)
        for expects in ("anything", "digits"):
            await loop.run_in_executor(self._pool, self._recogniser.recognise, noise, TranscriptHint(expects=expects))


class AudioMeter:
    """Tells a meter the length of audio, every few seconds and at the end."""

    def __init__(self, meter: Meter, usage: Usage) -> None:
        self._meter = meter
        self._usage = usage
        self._ms = 0

    def add(self, pcm: bytes) -> None:
        """Audio came."""
        self._ms += samples_to_ms(len(pcm) // SAMPLE_BYTES)
        if self._ms >= _METERED_MS:
            self.close()

    def close(self) -> None:
        """Tell what was not told yet."""
        if self._ms:
            self._meter(replace(self._usage, seconds=self._ms / 1000))
            self._ms = 0


class SegmentStream:
    """One call's transcription: iterate it for the final transcripts."""

    def __init__(
        self, recogniser: Recogniser, pool: Executor, loop: asyncio.AbstractEventLoop, meter: AudioMeter
    ) -> None:
        self._recogniser = recogniser
        self._pool = pool
        self._loop = loop
        self._meter = meter
        self._history = AudioHistory()
        self._running: Future[Hypothesis] | None = None
        self._running_request: _Request | None = None
        self._waiting: deque[_Request] = deque()
        self._results: asyncio.Queue[Transcript | ProviderError | None] = asyncio.Queue()
        self._closed = False

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Caller audio that starts at `at_ms` of the call clock."""
        self._history.push(pcm, at_ms)
        self._meter.add(pcm)

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        """Ask for the text of [start_ms, end_ms]. Real audio around it goes along: zeros would mislead the models."""
        if self._closed:
            return
        pcm = self._history.cut(start_ms - _PRE_ROLL_MS, end_ms + _POST_ROLL_MS)
        request = _Request(segment, start_ms, end_ms, hint, pcm)
        for older in [waiting for waiting in self._waiting if request.covers(waiting)]:
            self._waiting.remove(older)
            self._supersede(older)
        self._waiting.append(request)
        if self._running is None:
            self._start_next()
        elif request.covers(self._running_request):
            self._running.cancel()  # has an effect only while it waits for a thread

    def __aiter__(self) -> SegmentStream:
        return self

    async def __anext__(self) -> Transcript:
        """The next final transcript.

        :raises ProviderError: the recogniser failed; the iteration may go on
        """
        result = await self._results.get()
        if result is None:
            raise StopAsyncIteration
        if isinstance(result, ProviderError):
            raise result
        return result

    async def close(self) -> None:
        """End the iteration; what is still asked for is dropped."""
        if not self._closed:
            self._closed = True
            self._meter.close()
            self._waiting.clear()
            if self._running is not None:
                self._running.cancel()
            self._results.put_nowait(None)

    def _start_next(self) -> None:
        if not self._waiting:
            return
        request = self._running_request = self._waiting.popleft()
        self._running = self._pool.submit(_recognise, self._recogniser, request)
        self._running.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._finished, request, done))

    def _finished(self, request: _Request, done: Future[Hypothesis]) -> None:
        self._running = self._running_request = None
        if self._closed:
            return
        self._start_next()
        if done.cancelled():
            self._supersede(request)
            return
        failure = done.exception()
        if failure is not None:
            error = failure if isinstance(failure, ProviderError) else ProviderError(f"Recognition failed: {failure}.")
            error.__cause__ = failure if error is not failure else failure.__cause__
            self._results.put_nowait(error)
            return
        heard = done.result()
        span = (request.start_ms, request.end_ms)
        self._results.put_nowait(
            Transcript(heard.text, *span, True, request.segment, heard.confidence, finished=heard.finished)
        )

    def _supersede(self, request: _Request) -> None:
        self._results.put_nowait(
            Transcript("", request.start_ms, request.end_ms, True, request.segment, None, superseded=True)
        )


def _recognise(recogniser: Recogniser, request: _Request) -> Hypothesis:
    return recogniser.recognise(to_model_rate(request.pcm), request.hint)


def to_model_rate(pcm: bytes) -> Samples:
    """8000 Hz s16le as 16000 Hz floats."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768
    resampled: Samples = soxr.resample(samples, SAMPLE_RATE, MODEL_RATE, quality="HQ")
    return resampled
