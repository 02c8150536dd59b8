"""A caller's side for tests of transcribers: speaks in frames, asks for segments, and gathers what comes back."""

from __future__ import annotations

import asyncio

from gateway.media.audio import FRAME_BYTES, FRAME_MS
from gateway.providers.base import TranscriberStream, Transcript, TranscriptHint

ANYTHING = TranscriptHint()


def tasks_of_clients() -> set[asyncio.Task[object]]:
    """All tasks but those of the emulators' servers, which may hang for ever."""
    return {task for task in asyncio.all_tasks() if "SansIOProtocol" not in repr(task.get_coro())}


class Caller:
    """:param pace: how many times faster than real time the caller speaks; 0 for at once"""

    def __init__(self, stream: TranscriberStream, *, at_ms: int = 0, pace: float = 0.0) -> None:
        self.stream = stream
        self.at_ms = at_ms
        self._pace = pace
        self._segments = 0
        self.transcripts: list[Transcript] = []

    async def say(self, pcm: bytes) -> tuple[int, int]:
        """Push the audio as frames of 20 ms. Returns its span."""
        start = self.at_ms
        for at in range(0, len(pcm), FRAME_BYTES):
            self.stream.push(pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\x00"), self.at_ms)
            self.at_ms += FRAME_MS
            await asyncio.sleep(FRAME_MS / 1000 / self._pace if self._pace else 0)
        return start, self.at_ms

    def ask(self, start_ms: int, end_ms: int) -> int:
        """Ask for the text of a span; returns the segment's id."""
        self._segments += 1
        self.stream.finish(self._segments, start_ms, end_ms, ANYTHING)
        return self._segments

    async def answer(self, segment: int, seconds: float = 3.0) -> Transcript:
        """The final transcript of a segment; the caller is silent until it comes."""
        reading = asyncio.create_task(self._read_until(segment))
        try:
            async with asyncio.timeout(seconds):
                while not reading.done():
                    await self.say(bytes(FRAME_BYTES))
                    await asyncio.sleep(FRAME_MS / 1000)
            return reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read_until(self, segment: int) -> Transcript:
        async for transcript in self.stream:
            self.transcripts.append(transcript)
            if transcript.final and transcript.segment == segment:
                return transcript
        raise AssertionError("the stream ended")

    async def text(self, start_ms: int, end_ms: int) -> str:
        """The text of a span."""
        return (await self.answer(self.ask(start_ms, end_ms))).text
