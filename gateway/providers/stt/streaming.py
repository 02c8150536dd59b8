"""A streaming recogniser as a transcriber.

The audio of a call goes to one connection at a time. Before the provider would end it for its age, another one is
opened and given the audio since the last final result; then the first is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from gateway.errors import ProviderError, ProviderUnavailable
from gateway.providers.base import OUTSIDE_CALL, CallContext, TranscriberCapabilities, Transcript, TranscriptHint
from gateway.providers.stt.assembly import Assembly
from gateway.providers.stt.connection import Recognised, RecogniserConnection, StreamingRecogniser
from gateway.providers.stt.feed import Feed
from gateway.providers.stt.history import AudioHistory
from gateway.providers.usage import Usage

logger = structlog.get_logger(__name__)

_RENEW_SECONDS, _RENEW_AT_LATEST_SECONDS = 30.0, 8.0
"""Before the end of a connection: when another one may take its place, and when it must."""
_RENEW_CONNECT_SECONDS = 3.0
_LOOK_SECONDS = 0.5


class StreamingTranscriber:
    """Transcription by connections of one provider."""

    def __init__(self, recogniser: StreamingRecogniser) -> None:
        self._recogniser = recogniser

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Text while the caller speaks."""
        return TranscriberCapabilities(partials=True, endpoints=self._recogniser.traits.endpoints, streaming=True)

    async def open(self, context: CallContext = OUTSIDE_CALL) -> StreamingStream:
        """One call's transcription.

        :raises ProviderError: the provider refuses it or cannot be reached
        """
        return StreamingStream(self._recogniser, await self._recogniser.connect(), context)


class StreamingStream:
    """One call's transcription: iterate it for transcripts, partial and final."""

    def __init__(self, recogniser: StreamingRecogniser, connection: RecogniserConnection, context: CallContext) -> None:
        self._recogniser = recogniser
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._assembly = Assembly()
        self._results: asyncio.Queue[Transcript | ProviderError | None] = asyncio.Queue()
        self._history = AudioHistory() if recogniser.traits.session_seconds is not None else None
        self._timer: asyncio.TimerHandle | None = None
        self._began, self._metered = self._loop.time(), 0.0
        """When the present connection began, and how many of its seconds the meter knows."""
        self._feed = self._feed_of(connection)
        self._task = self._loop.create_task(self._run(), name=f"transcriber {recogniser.traits.name}")

    # ------------------------------------------------------------ the conversation's side

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Caller audio that starts at `at_ms` of the call clock."""
        self._feed.push(pcm, at_ms)
        if self._history is not None:
            self._history.push(pcm, at_ms)

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        """Ask for the text of [start_ms, end_ms]. The hint is not used: providers take theirs when a connection is
        opened."""
        heard_ms = self._feed.end_ms
        self._tell(self._assembly.finish(segment, start_ms, end_ms, heard_ms=heard_ms, now=self._now()))
        if self._assembly.waits:
            self._feed.flush()

    def __aiter__(self) -> StreamingStream:
        return self

    async def __anext__(self) -> Transcript:
        """The next transcript.

        :raises ProviderError: the connection is lost, and with it this stream
        """
        result = await self._results.get()
        if isinstance(result, Transcript):
            return result
        self._results.put_nowait(None)
        if result is not None:
            raise result
        raise StopAsyncIteration

    async def close(self) -> None:
        """End the connection and the iteration."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._feed.close()

    # ------------------------------------------------------------ the provider's side

    async def _run(self) -> None:
        try:
            while True:
                connection = await self._serve(self._feed)
                self._assembly.restarted()
                self._feed = self._feed_of(connection)
                self._replay(self._feed)
        except ProviderError as error:
            self._results.put_nowait(error)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._results.put_nowait(None)

    async def _serve(self, feed: Feed) -> RecogniserConnection:
        """Use a connection until there is another one for it, which is returned.

        :raises ProviderError: it is lost before
        """
        self._began, self._metered = self._loop.time(), 0.0
        running = asyncio.create_task(feed.run(), name="connection")
        renewing = asyncio.create_task(self._successor(), name="next connection")
        taken = False
        try:
            done, _ = await asyncio.wait({running, renewing}, return_when=asyncio.FIRST_COMPLETED)
            if running in done:
                running.result()
                raise ProviderUnavailable(f"{self._who} ended its stream.")
            taken = True
            return renewing.result()
        finally:
            running.cancel()
            renewing.cancel()
            try:
                await asyncio.gather(running, renewing, return_exceptions=True)
            finally:
                self._meter(feed)  # not before: until it has ended it may send another piece
            await feed.close()
            if not (taken or renewing.cancelled()):
                await renewing.result().close()

    async def _successor(self) -> RecogniserConnection:
        """A new connection, when the present one has become old: in a pause, or in time at least."""
        lifetime = self._recogniser.traits.session_seconds
        if lifetime is None:
            return await asyncio.Future()
        latest = self._loop.time() + max(lifetime - _RENEW_AT_LATEST_SECONDS, lifetime / 2)
        await asyncio.sleep(max(lifetime - _RENEW_SECONDS, lifetime / 4))
        while True:
            if self._assembly.idle or self._loop.time() >= latest:
                try:
                    async with asyncio.timeout(_RENEW_CONNECT_SECONDS):
                        return await self._recogniser.connect()
                except (ProviderError, TimeoutError) as error:
                    logger.warning("transcriber not renewed", call=self._context.call_id, error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    def _feed_of(self, connection: RecogniserConnection) -> Feed:
        feed = Feed(connection, self._recogniser.traits, lambda result: self._recognised(feed, result))
        return feed

    def _replay(self, feed: Feed) -> None:
        """What is not final yet goes to the new connection."""
        if self._history is None or not self._history.end_ms:
            return
        start_ms = max(self._assembly.final_until_ms, self._history.start_ms)
        feed.push(self._history.cut(start_ms, self._history.end_ms), start_ms)
        if self._assembly.waits:
            feed.flush()

    def _meter(self, feed: Feed) -> None:
        """Tell what is new: while the call goes on too, because a worker that dies tells nothing any more."""
        traits = self._recogniser.traits
        if traits.bills == "results":
            return
        seconds = self._loop.time() - self._began if traits.bills == "connection" else feed.sent_seconds
        if new := round(seconds - self._metered, 3):
            self._context.meter(Usage("transcriber", traits.name, traits.model, seconds=new))
            self._metered += new

    # ------------------------------------------------------------ results

    def _recognised(self, feed: Feed, result: Recognised) -> None:
        if result.usage is not None and self._recogniser.traits.bills == "results":
            self._context.meter(result.usage)
        if feed is self._feed:
            if result.final:
                self._meter(feed)
            self._tell(self._assembly.recognised(result, self._now()))

    def _time_passed(self) -> None:
        self._tell(self._assembly.time(self._now()))

    def _tell(self, transcripts: Iterable[Transcript]) -> None:
        for transcript in transcripts:
            self._results.put_nowait(transcript)
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._assembly.deadline(self._now())
        self._timer = None if deadline is None else self._loop.call_at(deadline / 1000, self._time_passed)

    def _now(self) -> int:
        return int(self._loop.time() * 1000)

    @property
    def _who(self) -> str:
        return f"The transcriber {self._recogniser.traits.name}"
