"""Ends of speech are judged by sound, and only the latest judgement counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.conversation.events import Event, SpeechEnded, SpeechStarted, TurnEndJudged
from gateway.errors import ProviderTimeout
from gateway.media.audio import FRAME_MS, ms_to_samples
from gateway.worker.clock import CallClock
from gateway.worker.turn_ends import LONGEST_MS, POST_ROLL_MS, PRE_ROLL_MS, TurnEnds


class Judge:
    """A detector that answers when it is let. Every sample of the audio is the number of its 20 ms frame."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []
        self.answers: asyncio.Queue[float | None] = asyncio.Queue()

    async def judge(self, pcm: bytes) -> float:
        samples = memoryview(pcm).cast("h")
        self.heard.append((samples[0] * FRAME_MS, (samples[-1] + 1) * FRAME_MS))
        answer = await self.answers.get()
        if answer is None:
            raise ProviderTimeout("Too busy.")
        return answer


class Caller:
    """Audio and edges on a call clock."""

    def __init__(self) -> None:
        self.judge = Judge()
        self.events: list[Event] = []
        self.ends = TurnEnds(self.judge, clock=CallClock(), dispatch=self.events.append)
        self.now = 0

    def pass_until(self, ms: int) -> None:
        for at in range(self.now, ms, FRAME_MS):
            self.ends.push((at // FRAME_MS).to_bytes(2, "little") * ms_to_samples(FRAME_MS), at)
        self.now = ms

    def speaks(self, start: int, end: int) -> None:
        self.pass_until(start + 60)
        self.ends.edge(SpeechStarted(self.now, start))
        self.pass_until(end + 120)
        self.ends.edge(SpeechEnded(self.now, end))

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def judged(self) -> list[tuple[int, float]]:
        return [(event.end_ms, event.probability) for event in self.events if isinstance(event, TurnEndJudged)]


@asynccontextmanager
async def calling() -> AsyncIterator[Caller]:
    caller = Caller()
    running = asyncio.create_task(caller.ends.run())
    try:
        yield caller
    finally:
        running.cancel()


async def test_an_end_of_speech_is_judged_by_the_turn_so_far() -> None:
    async with calling() as caller:
        caller.speaks(1000, 2000)
        caller.judge.answers.put_nowait(0.7)
        await caller.settle()
        assert caller.judge.heard == [(1000 - PRE_ROLL_MS, 2000 + POST_ROLL_MS)]
        assert caller.judged == [(2000, 0.7)]


async def test_speech_after_a_pause_belongs_to_the_turn_until_it_is_taken() -> None:
    async with calling() as caller:
        for start in (1000, 3000):
            caller.speaks(start, start + 1000)
            caller.judge.answers.put_nowait(0.5)
            await caller.settle()
        caller.ends.taken()
        caller.speaks(6000, 7000)
        await caller.settle()
        assert [first for first, _ in caller.judge.heard] == [500, 500, 5500]


async def test_what_was_said_long_ago_is_no_part_of_the_turn() -> None:
    async with calling() as caller:
        for start in (1000, 5500):
            caller.speaks(start, start + 1000)
            caller.judge.answers.put_nowait(0.5)
            await caller.settle()
        assert [first for first, _ in caller.judge.heard] == [500, 5000]


async def test_no_more_is_judged_than_the_detector_can_hear() -> None:
    async with calling() as caller:
        caller.speaks(1000, 30_000)
        await caller.settle()
        assert caller.judge.heard == [(30_120 - LONGEST_MS, 30_100)]


async def test_a_caller_who_goes_on_voids_the_judgement() -> None:
    async with calling() as caller:
        caller.speaks(1000, 2000)
        await caller.settle()
        caller.ends.edge(SpeechStarted(2200, 2150))
        caller.judge.answers.put_nowait(0.9)
        await caller.settle()
        assert caller.judged == []


async def test_the_newest_end_is_judged_when_several_came_meanwhile() -> None:
    async with calling() as caller:
        caller.speaks(1000, 1500)
        await caller.settle()
        caller.speaks(2000, 2500)
        caller.speaks(3000, 3500)
        caller.judge.answers.put_nowait(0.1)
        caller.judge.answers.put_nowait(0.9)
        await caller.settle()
        assert caller.judged == [(3500, 0.9)]
        assert len(caller.judge.heard) == 2


async def test_a_detector_that_fails_is_asked_again_the_next_time() -> None:
    async with calling() as caller:
        caller.speaks(1000, 1500)
        caller.judge.answers.put_nowait(None)
        await caller.settle()
        caller.speaks(2000, 2500)
        caller.judge.answers.put_nowait(0.6)
        await caller.settle()
        assert caller.judged == [(2500, 0.6)]
