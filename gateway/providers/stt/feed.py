"""One connection to a streaming recogniser: what goes in, how fast, and where its results belong in the call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.errors import ProviderTimeout, ProviderUnavailable
from gateway.media.audio import SAMPLE_BYTES, ms_to_samples, samples_to_ms
from gateway.providers.stt.connection import Recognised, RecogniserConnection, RecogniserTraits
from gateway.providers.stt.timeline import Timeline

_PIECE_BYTES = ms_to_samples(60) * SAMPLE_BYTES
"""What is sent at once while audio comes as it is spoken. A flush waits for no more."""
_BURST_BYTES = ms_to_samples(240) * SAMPLE_BYTES
"""What is sent at once of audio that is behind."""
_LONGEST_BYTES = ms_to_samples(100_000) * SAMPLE_BYTES
_SEND_SECONDS = 5.0
_KEEP_ALIVE_SHARE = 0.4
"""Of the time after which the provider would end a silent connection."""
_CLOSE_SECONDS = 1.0


class Feed:
    """Sends to a connection and listens to it.

    :param tell: is given each result, with times of the call clock
    """

    def __init__(
        self, connection: RecogniserConnection, traits: RecogniserTraits, tell: Callable[[Recognised], None]
    ) -> None:
        self._connection = connection
        self._traits = traits
        self._tell = tell
        self._timeline = Timeline()
        self._waiting = bytearray()
        self._flush_at: int | None = None
        """Bytes of `_waiting` before a flush that was asked for."""
        self._news = asyncio.Event()
        self._closed = False

    @property
    def sent_seconds(self) -> float:
        """Audio that the connection was given."""
        return self._timeline.sent_ms / 1000 - samples_to_ms(len(self._waiting) // SAMPLE_BYTES) / 1000

    @property
    def end_ms(self) -> int:
        """Where its audio so far ends in the call."""
        return self._timeline.end_ms

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Audio that starts at `at_ms` of the call clock. Never blocks."""
        self._waiting += self._timeline.add(pcm, at_ms)
        self._news.set()

    def flush(self) -> None:
        """Ask for the text of all audio so far."""
        self._flush_at = len(self._waiting)
        self._news.set()

    async def run(self) -> None:
        """Until the provider ends the connection or the task is cancelled.

        :raises ProviderError: the connection is lost, or takes no audio
        """
        sending = asyncio.create_task(self._send(), name="send audio")
        receiving = asyncio.create_task(self._receive(), name="receive results")
        try:
            done, _ = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            # Why a connection was closed is told to the one who receives.
            (receiving if receiving in done else sending).result()
        finally:
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)

    async def close(self) -> None:
        """End the connection, once; whoever made this must, also when `run` never ran."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.close()
        except TimeoutError:
            pass

    async def _receive(self) -> None:
        async for result in self._connection:
            words = tuple(
                replace(word, start_ms=self._timeline.start(word.start_ms), end_ms=self._timeline.end(word.end_ms))
                for word in result.words
            )
            start, end = self._timeline.start(result.start_ms), self._timeline.end(result.end_ms)
            self._tell(replace(result, words=words, start_ms=start, end_ms=max(start, end)))

    # ------------------------------------------------------------ sending

    async def _send(self) -> None:
        patience = self._traits.idle_seconds * _KEEP_ALIVE_SHARE
        while True:
            if self._flush_at is None and len(self._waiting) < _PIECE_BYTES:
                self._news.clear()
                try:
                    async with asyncio.timeout(patience):
                        await self._news.wait()
                except TimeoutError:
                    await self._in_time(self._connection.keep_alive())
            else:
                await self._send_piece()

    async def _send_piece(self) -> None:
        behind = len(self._waiting)
        if behind > _LONGEST_BYTES:
            raise ProviderUnavailable(f"{self._who} takes audio slower than it is spoken.")
        size = min(behind, _BURST_BYTES, behind if self._flush_at is None else self._flush_at)
        piece = bytes(self._waiting[:size])
        del self._waiting[:size]
        if self._flush_at is not None:
            self._flush_at -= size
        if piece:
            await self._in_time(self._connection.send(piece))
        if self._flush_at == 0:
            self._flush_at = None
            await self._in_time(self._connection.flush())
        if behind > _BURST_BYTES:
            await asyncio.sleep(size / _BURST_BYTES * 0.24 / self._traits.replay_speed)

    async def _in_time(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await sending
        except TimeoutError:
            raise ProviderTimeout(f"{self._who} took no audio for {_SEND_SECONDS:.0f} s.") from None

    @property
    def _who(self) -> str:
        return f"The transcriber {self._traits.name}"
