"""A transcriber made of several, which loses no word between them.

The caller's audio is kept. When the transcriber fails, ends or does not answer in time, the next one is given the audio
that has no final text yet, faster than real time, and is asked again for what is still to be answered. What the one
that was given up says is not listened to any more.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from typing import Final

import structlog

from gateway.conversation.floor import TRANSCRIPT_MS
from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.base import (
    OUTSIDE_CALL,
    CallContext,
    Transcriber,
    TranscriberCapabilities,
    TranscriberStream,
    Transcript,
    TranscriptHint,
    Warmable,
)
from gateway.providers.failover.backlog import Asked, Backlog, Replay
from gateway.providers.failover.candidate import Candidate, prepare_all
from gateway.providers.failover.succession import Succession
from gateway.settings import FailoverSettings

_OPEN_SECONDS = 1.0
"""A call is not kept waiting for its transcriber longer than that: the audio is kept for it."""
_LONGEST_SECONDS = TRANSCRIPT_MS / 1000 - 1.0
"""For a text, whoever is tried: a caller who was not understood until then is told so, before the conversation goes on
without these words."""
_CLOSE_SECONDS = 2.0
_CATCH_UP = 10
"""How many times faster than real time replayed audio is transcribed at least."""
_ALONE = 3
"""How much more time one gets for whom there is no substitute."""
_ALONE_AT_WORK = 5
"""As `_ALONE`, for one that begins its work when it is asked: to do it once more takes as long again."""

logger = structlog.get_logger(__name__)


def failover_transcriber(candidates: Sequence[Candidate[Transcriber]], settings: FailoverSettings) -> Transcriber:
    """The candidates as one transcriber; the first is preferred."""
    return FailoverTranscriber(candidates, settings)


class FailoverTranscriber:
    """Opens a stream for each call, which goes from candidate to candidate."""

    def __init__(self, candidates: Sequence[Candidate[Transcriber]], settings: FailoverSettings) -> None:
        self._candidates = candidates
        self._settings = settings

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Those of the preferred one."""
        return self._candidates[0].provider.capabilities

    async def warm_up(self) -> None:
        """Do what would make the first caller wait."""
        for candidate in self._candidates:
            if isinstance(candidate.provider, Warmable):
                await candidate.provider.warm_up()

    async def prepare(self) -> None:
        """Open the connections of those that are in use."""
        await prepare_all(self._candidates, time.monotonic())

    async def open(self, context: CallContext = OUTSIDE_CALL) -> FailoverStream:
        """One call's transcription. It may still be on its way to a transcriber when this returns.

        :raises ProviderError: of the last candidate, when all have failed
        """
        stream = FailoverStream(self._candidates, self._settings, context)
        try:
            await stream.opened(_OPEN_SECONDS)
        except BaseException:
            await stream.close()
            raise
        return stream


_NEWS: Final = "something was asked"
_Item = Transcript | ProviderError | None | str


class _Service:
    """A candidate's stream while it serves the call. `inbox` gets what it says, its error, None for its end."""

    def __init__(self, number: int, stream: TranscriberStream, replay: Replay, now: float) -> None:
        self.number = number
        self.stream = stream
        self.since = now
        self.catches_up_at = now + (len(replay.pcm) / 16_000) / _CATCH_UP
        self.inbox: asyncio.Queue[_Item] = asyncio.Queue()
        if replay.pcm:
            stream.push(replay.pcm, replay.start_ms)
        for asked in (*replay.settled, *replay.open):
            stream.finish(asked.segment, asked.start_ms, asked.end_ms, asked.hint)
        self._reading = asyncio.create_task(self._read(), name="read transcripts")

    async def _read(self) -> None:
        try:
            async for transcript in self.stream:
                self.inbox.put_nowait(transcript)
        except ProviderError as error:
            self.inbox.put_nowait(error)
        else:
            self.inbox.put_nowait(None)

    async def next(self, deadline: float | None, now: float) -> _Item:
        """What comes next. :raises TimeoutError: nothing by the deadline"""
        if not self.inbox.empty():
            return self.inbox.get_nowait()
        async with asyncio.timeout(None if deadline is None else max(0.0, deadline - now)):
            return await self.inbox.get()

    async def close(self) -> None:
        """Bounded; logs what goes wrong."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.stream.close()
        except (ProviderError, TimeoutError) as error:
            logger.warning("transcriber did not close", error=str(error) or "no answer in time")


class FailoverStream:
    """One call's transcription by whoever is able to do it."""

    def __init__(
        self, candidates: Sequence[Candidate[Transcriber]], settings: FailoverSettings, context: CallContext
    ) -> None:
        self._candidates = candidates
        self._settings = settings
        self._context = context
        self._succession = Succession([candidate.circuit for candidate in candidates])
        self._backlog = Backlog()
        self._service: _Service | None = None
        self._serving = asyncio.Event()
        self._error: ProviderError | None = None
        self._results: asyncio.Queue[Transcript | None] = asyncio.Queue()
        self._leaving: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run(), name="transcription")

    async def opened(self, seconds: float) -> None:
        """Wait until somebody serves, at most so long.

        :raises ProviderError: of the last candidate, when all have failed
        """
        try:
            async with asyncio.timeout(seconds):
                await self._serving.wait()
        except TimeoutError:
            return
        if self._error is not None:
            raise self._error

    # ------------------------------------------------------------ the conversation's side

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Caller audio that starts at `at_ms` of the call clock."""
        self._backlog.push(pcm, at_ms)
        if self._service is not None:
            self._service.stream.push(pcm, at_ms)

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        """Ask for the text of [start_ms, end_ms], of whoever serves by then."""
        self._backlog.ask(Asked(segment, start_ms, end_ms, hint, time.monotonic()))
        if self._service is not None:
            self._service.stream.finish(segment, start_ms, end_ms, hint)
            self._service.inbox.put_nowait(_NEWS)

    def __aiter__(self) -> FailoverStream:
        return self

    async def __anext__(self) -> Transcript:
        """The next transcript.

        :raises ProviderError: nobody is left to transcribe
        """
        transcript = await self._results.get()
        if transcript is not None:
            return transcript
        self._results.put_nowait(None)
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def close(self) -> None:
        """End it, with all that was opened for it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # ------------------------------------------------------------ the providers' side

    async def _run(self) -> None:
        try:
            failure: ProviderError | None = None
            while True:
                service = await self._succeed(failure)
                try:
                    failure = await self._serve(service)
                finally:
                    self._service = None
                    self._leave(service)
                self._succession.failed(service.number, time.monotonic(), failure, served=True)
        except ProviderError as error:
            self._error = error
        finally:
            if self._leaving:
                await asyncio.wait(self._leaving)
            self._results.put_nowait(None)
            self._serving.set()

    async def _succeed(self, failure: ProviderError | None) -> _Service:
        """Open the next one.

        :raises ProviderError: the last failure, when nobody is left
        """
        while not self._too_late() and (number := self._succession.next(time.monotonic())) is not None:
            candidate = self._candidates[number]
            if failure is not None:
                log = logger.bind(call=self._context.call_id, transcriber=candidate.name)
                log.warning("transcriber switched", asked=len(self._backlog.open), error=str(failure))
                self._context.note("transcriber-switched", f"{candidate.name} takes over. {failure}")
            try:
                stream = await self._open(candidate)
            except ProviderError as error:
                failure = error
                self._succession.failed(number, time.monotonic(), error, served=False)
            else:
                return self._install(number, stream)
        raise failure or ProviderUnavailable("Every transcriber asked to be left alone for a while.")

    async def _open(self, candidate: Candidate[Transcriber]) -> TranscriberStream:
        seconds = min(self._settings.connect_seconds, self._last_moment - time.monotonic())
        try:
            async with asyncio.timeout(seconds):
                return await candidate.provider.open(self._context)
        except TimeoutError:
            raise ProviderTimeout(f"The transcriber {candidate.name} did not open within {seconds:g} s.") from None
        except asyncio.CancelledError:
            candidate.circuit.abandoned()
            raise

    def _install(self, number: int, stream: TranscriberStream) -> _Service:
        """Nothing is awaited here: what the caller says meanwhile belongs either to the replay or to the new stream."""
        self._service = _Service(number, stream, self._backlog.replay(), time.monotonic())
        self._succession.serves(time.monotonic())
        self._serving.set()
        return self._service

    async def _serve(self, service: _Service) -> ProviderError:
        """Pass on what the stream says until it fails. Returns the failure."""
        name = self._candidates[service.number].name
        while True:
            try:
                item = await service.next(self._deadline(service), time.monotonic())
            except TimeoutError:
                return ProviderTimeout(f"The transcriber {name} did not answer in time.")
            if isinstance(item, Transcript):
                self._pass(service, item)
            elif isinstance(item, ProviderError):
                return item
            elif item is None:
                return ProviderUnavailable(f"The transcriber {name} ended its stream.")

    def _pass(self, service: _Service, transcript: Transcript) -> None:
        if not transcript.final:
            self._results.put_nowait(transcript)
        elif (asked := self._backlog.answer(transcript.segment)) is not None:
            self._results.put_nowait(transcript)
            if not transcript.superseded:
                took = time.monotonic() - max(asked.at, service.since)
                self._candidates[service.number].circuit.succeeded(took * 1000)
                self._succession.worked(service.number)

    def _deadline(self, service: _Service) -> float | None:
        """When the oldest question must have been answered."""
        if not self._backlog.open:
            return None
        seconds = self._settings.transcript_seconds
        if not self._succession.others(time.monotonic()):
            streaming = self._candidates[service.number].provider.capabilities.streaming
            seconds *= _ALONE if streaming else _ALONE_AT_WORK
        deadline = max(self._backlog.open[0].at, service.catches_up_at) + seconds
        return min(deadline, self._last_moment)

    @property
    def _last_moment(self) -> float:
        """When the oldest question must have been answered by anybody."""
        return self._backlog.open[0].at + _LONGEST_SECONDS if self._backlog.open else math.inf

    def _too_late(self) -> bool:
        return time.monotonic() >= self._last_moment

    def _leave(self, service: _Service) -> None:
        self._candidates[service.number].circuit.abandoned()
        leaving = asyncio.create_task(service.close(), name="leave transcriber")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
