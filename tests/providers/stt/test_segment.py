"""The segment transcriber: what audio a request gets, order, superseding, failures, closing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.errors import ProviderError
from gateway.providers.base import Transcript, TranscriptHint
from gateway.providers.stt.recogniser import MODEL_RATE, Hypothesis, Samples
from gateway.providers.stt.segment import SegmentStream, SegmentTranscriber, to_model_rate
from tests.providers.speech import silence, tone

ANYTHING = TranscriptHint()


class Recogniser:
    """Says how long the speech was; waits for `gate` before."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.hints: list[str] = []

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        assert self.gate.wait(10)
        self.hints.append(hint.expects)
        if hint.expects == "name":
            raise RuntimeError("the model is broken")
        return Hypothesis(f"{round(len(samples) * 1000 / MODEL_RATE)} ms", 0.9)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def opened(recogniser: Recogniser, pool: ThreadPoolExecutor) -> SegmentStream:
    stream = await SegmentTranscriber(recogniser, pool).open()
    stream.push(silence(5000), 0)
    return stream


async def following(stream: SegmentStream) -> Transcript:
    return await asyncio.wait_for(anext(stream), 10)


async def test_a_segment_gets_its_audio_with_real_pre_and_post_roll(pool: ThreadPoolExecutor) -> None:
    stream = await opened(Recogniser(), pool)
    stream.finish(7, 1000, 2000, ANYTHING)
    assert await following(stream) == Transcript("1500 ms", 1000, 2000, True, 7, 0.9)


async def test_the_rolls_end_where_the_audio_ends(pool: ThreadPoolExecutor) -> None:
    stream = await opened(Recogniser(), pool)
    stream.finish(1, 100, 4900, ANYTHING)
    assert (await following(stream)).text == "5000 ms"


async def test_a_newer_request_supersedes_the_one_that_has_not_begun(pool: ThreadPoolExecutor) -> None:
    recogniser = Recogniser()
    recogniser.gate.clear()
    stream = await opened(recogniser, pool)
    for segment in (1, 2, 3):
        stream.finish(segment, 1000, 1000 + 1000 * segment, ANYTHING)
        await asyncio.sleep(0)
    recogniser.gate.set()
    finals = {final.segment: final for final in [await following(stream) for _ in range(3)]}
    assert finals[3].text == "3500 ms"
    assert finals[2].superseded
    assert finals[2].text == ""
    assert len(recogniser.hints) + sum(final.superseded for final in finals.values()) == 3


async def test_spans_that_only_follow_each_other_are_all_transcribed(pool: ThreadPoolExecutor) -> None:
    recogniser = Recogniser()
    recogniser.gate.clear()
    stream = await opened(recogniser, pool)
    for segment in (1, 2, 3):
        stream.finish(segment, segment * 2000, segment * 2000 + 1000, ANYTHING)
    recogniser.gate.set()
    finals = [await following(stream) for _ in range(3)]
    assert [(final.segment, final.superseded) for final in finals] == [(1, False), (2, False), (3, False)]


async def test_a_request_that_waits_for_a_thread_is_superseded_too(pool: ThreadPoolExecutor) -> None:
    busy = threading.Event()
    pool.submit(busy.wait, 10)
    stream = await opened(Recogniser(), pool)
    stream.finish(1, 1000, 2000, ANYTHING)
    stream.finish(2, 1000, 3000, ANYTHING)
    busy.set()
    finals = {final.segment: final for final in [await following(stream), await following(stream)]}
    assert finals[1].superseded
    assert finals[2].text == "2500 ms"


async def test_calls_do_not_supersede_each_other(pool: ThreadPoolExecutor) -> None:
    recogniser = Recogniser()
    first, second = await opened(recogniser, pool), await opened(recogniser, pool)
    first.finish(1, 0, 1000, ANYTHING)
    second.finish(1, 0, 2000, ANYTHING)
    assert [(await following(one)).text for one in (first, second)] == ["1200 ms", "2200 ms"]


async def test_a_failure_is_raised_and_the_next_segment_works(pool: ThreadPoolExecutor) -> None:
    stream = await opened(Recogniser(), pool)
    stream.finish(1, 0, 1000, TranscriptHint(expects="name"))
    with pytest.raises(ProviderError, match=r"Recognition failed: the model is broken\."):
        await following(stream)
    stream.finish(2, 0, 1000, ANYTHING)
    assert (await following(stream)).segment == 2


async def test_closing_ends_the_iteration_and_drops_what_is_asked(pool: ThreadPoolExecutor) -> None:
    stream = await opened(Recogniser(), pool)
    stream.finish(1, 0, 1000, ANYTHING)
    await stream.close()
    await stream.close()
    stream.finish(2, 0, 1000, ANYTHING)
    assert [transcript async for transcript in stream] == []


async def test_warm_up_runs_both_kinds(pool: ThreadPoolExecutor) -> None:
    recogniser = Recogniser()
    await SegmentTranscriber(recogniser, pool).warm_up()
    assert recogniser.hints == ["anything", "digits"]


def test_audio_comes_to_the_model_at_its_rate_and_level() -> None:
    samples = to_model_rate(tone(1000, 1000, amplitude=0.5))
    assert len(samples) == MODEL_RATE
    assert 0.45 < abs(samples).max() < 0.55
