"""What a transcriber's partial texts become."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.conversation.events import Event, PartialHeard, TurnEndJudged
from gateway.providers.base import Transcript, TranscriptHint
from gateway.worker.clock import CallClock
from gateway.worker.hearing import Hearing
from tests.worker.fakes import tone
from tests.worker.test_voice_activity import SILENCE, LevelDetector


class Stream:
    """Says what the test puts into it."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Transcript | None] = asyncio.Queue()

    def push(self, pcm: bytes, at_ms: int) -> None:
        pass

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        pass

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while (transcript := await self.said.get()) is not None:
            yield transcript

    async def close(self) -> None:
        self.said.put_nowait(None)


@asynccontextmanager
async def listening(events: list[Event]) -> AsyncIterator[tuple[Hearing, Stream]]:
    stream = Stream()
    hearing = Hearing(
        detector=LevelDetector(),
        stream=stream,
        clock=CallClock(0),
        dispatch=events.append,
        reason=lambda error: "failed",
    )
    task = asyncio.create_task(hearing.listen())
    yield hearing, stream
    await hearing.close()
    await task


async def partials(events: list[Event], stream: Stream, *transcripts: Transcript) -> list[Event]:
    """What becomes of them."""
    count = len(events)
    for transcript in transcripts:
        stream.said.put_nowait(transcript)
    await asyncio.sleep(0.01)
    return events[count:]


async def test_the_text_of_speech_that_goes_on_is_told_with_the_audio_that_it_is_of() -> None:
    events: list[Event] = []
    async with listening(events) as (hearing, stream):
        hearing.push(SILENCE * 50, 0)
        hearing.push(tone(600), 1000)
        (heard,) = await partials(events, stream, Transcript("stop", 950, 1400, False, stability=0.9))
        assert isinstance(heard, PartialHeard)
        assert (heard.text, heard.end_ms, heard.stability) == ("stop", 1400, 0.9)


async def test_text_of_what_the_detector_takes_for_no_speech_is_not_told() -> None:
    events: list[Event] = []
    async with listening(events) as (hearing, stream):
        hearing.push(SILENCE * 50, 0)
        assert await partials(events, stream, Transcript("on the radio", 100, 900, False)) == []
        hearing.push(tone(600), 1000)
        assert await partials(events, stream, Transcript("on the radio stop", 100, 1400, False)) == []


async def test_a_new_judgement_of_a_segment_is_told_also_in_silence() -> None:
    events: list[Event] = []
    async with listening(events) as (_, stream):
        (judged,) = await partials(events, stream, Transcript("", 0, 900, False, 7, finished=0.8))
        assert isinstance(judged, TurnEndJudged)
        assert (judged.segment, judged.end_ms, judged.probability) == (7, 900, 0.8)
