"""Transcription by one request per segment: what is superseded, what fails, and that nothing is left running."""

from __future__ import annotations

import asyncio
import io
import wave

import pytest

from gateway.errors import ProviderError, ProviderUnavailable
from gateway.providers.base import Transcript, TranscriptHint
from gateway.providers.stt.requests import Recognition, RequestStream, RequestTranscriber, seconds_of, wav
from gateway.providers.usage import Meter
from tests.providers.speech import silence, tone

ANYTHING = TranscriptHint()


class Recogniser:
    """Says how long the speech was, once the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.cancelled = 0
        self.closed = self.prepared = False

    async def recognise(self, pcm: bytes, hint: TranscriptHint, meter: Meter) -> Recognition:
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if hint.expects == "name":
            raise ProviderUnavailable("The transcriber is away.")
        return Recognition(f"{round(1000 * seconds_of(pcm))} ms", 0.9)

    async def prepare(self) -> None:
        self.prepared = True

    async def close(self) -> None:
        self.closed = True


async def opened(recogniser: Recogniser) -> RequestStream:
    stream = await RequestTranscriber(recogniser).open()
    stream.push(silence(5000), 0)
    return stream


async def following(stream: RequestStream) -> Transcript:
    return await asyncio.wait_for(anext(stream), 5)


async def test_a_segment_gets_its_audio_with_what_is_around_it() -> None:
    stream = await opened(Recogniser())
    stream.finish(7, 1000, 2000, ANYTHING)
    assert await following(stream) == Transcript("1500 ms", 1000, 2000, True, 7, 0.9)
    stream.finish(8, 100, 4900, ANYTHING)
    assert (await following(stream)).text == "5000 ms"


async def test_a_longer_span_supersedes_the_request_that_is_on_its_way() -> None:
    recogniser = Recogniser()
    recogniser.gate.clear()
    stream = await opened(recogniser)
    stream.finish(1, 1000, 2000, ANYTHING)
    await asyncio.sleep(0)
    stream.finish(2, 1000, 3000, ANYTHING)
    first = await following(stream)
    assert (first.segment, first.superseded, first.text) == (1, True, "")
    assert recogniser.cancelled == 1
    recogniser.gate.set()
    assert (await following(stream)).text == "2500 ms"


async def test_a_request_that_had_no_time_to_begin_is_superseded_too() -> None:
    stream = await opened(Recogniser())
    for segment in (1, 2, 3):
        stream.finish(segment, 1000, 1000 + 1000 * segment, ANYTHING)
    finals = {final.segment: final for final in [await following(stream) for _ in range(3)]}
    assert [finals[segment].superseded for segment in (1, 2, 3)] == [True, True, False]


async def test_spans_that_only_follow_each_other_run_side_by_side() -> None:
    recogniser = Recogniser()
    recogniser.gate.clear()
    stream = await opened(recogniser)
    stream.finish(1, 0, 1000, ANYTHING)
    stream.finish(2, 2000, 3000, ANYTHING)
    recogniser.gate.set()
    finals = [await following(stream) for _ in range(2)]
    assert sorted((final.segment or 0, final.superseded) for final in finals) == [(1, False), (2, False)]


async def test_a_failure_is_raised_and_the_next_segment_works() -> None:
    stream = await opened(Recogniser())
    stream.finish(1, 0, 1000, TranscriptHint(expects="name"))
    with pytest.raises(ProviderError, match="away"):
        await following(stream)
    stream.finish(2, 0, 1000, ANYTHING)
    assert (await following(stream)).segment == 2


async def test_closing_ends_the_requests_and_the_iteration() -> None:
    recogniser = Recogniser()
    recogniser.gate.clear()
    before = asyncio.all_tasks()
    stream = await opened(recogniser)
    stream.finish(1, 0, 1000, ANYTHING)
    await asyncio.sleep(0)
    await stream.close()
    await stream.close()
    stream.finish(2, 0, 1000, ANYTHING)
    assert [transcript async for transcript in stream] == []
    assert recogniser.cancelled == 1
    assert asyncio.all_tasks() == before


async def test_preparing_and_closing_reach_the_recogniser() -> None:
    recogniser = Recogniser()
    transcriber = RequestTranscriber(recogniser)
    assert not transcriber.capabilities.streaming
    await transcriber.prepare()
    await transcriber.close()
    assert recogniser.prepared
    assert recogniser.closed


def test_a_wav_file_holds_the_audio() -> None:
    with wave.open(io.BytesIO(wav(tone(400, 100)))) as file:
        assert file.getframerate() == 8000
        assert file.readframes(800) == tone(400, 100)
