"""The load generator: what it measures of calls to its own echo."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.capacity import question
from bench.load.generator import LoadPlan, running_echo, running_load, write_audio

pytestmark = pytest.mark.asyncio


async def test_calls_that_are_held_are_watched_for_the_window_only(tmp_path: Path) -> None:
    audio = write_audio(tmp_path / "question.ulaw", question())
    async with running_echo(tmp_path) as (port, _):
        plan = LoadPlan(port, 4, rate=200, window_ms=2000, settle_ms=200, audio=audio, echo=True)
        async with running_load(plan) as run:
            assert (await run.until("window"))["up"] == 4
            found = await run.result()
    assert (found.answered, found.failed, found.completed, found.lost) == (4, 0, 4, 0)
    assert found.setup.count == found.widest.count == 4
    assert 4 * 90 <= found.gaps.count <= 4 * 101
    assert (found.answers, found.missed, found.reply.count) == (4, 0, 4)
    assert found.gaps.p50 == pytest.approx(20, abs=1)
    assert found.sent > found.gaps.count


async def test_short_calls_follow_each_other(tmp_path: Path) -> None:
    async with running_echo(tmp_path) as (port, _):
        plan = LoadPlan(port, 12, rate=100, hold_ms=100, at_once=3)
        async with running_load(plan) as run:
            found = await run.result()
    assert (found.answered, found.completed, found.failed) == (12, 12, 0)
    assert found.widest.count == 12
    assert found.received > 12 * 2
