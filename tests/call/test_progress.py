"""How far a call is."""

from __future__ import annotations

import asyncio

from gateway.call.progress import Progress, Stage, Step


async def test_whoever_comes_late_is_told_everything() -> None:
    progress = Progress()
    progress.reach(Stage.RINGING)
    progress.reach(Stage.ENDED, "customer-busy", 486)
    steps = [step async for step in progress]
    assert steps == [Step(Stage.STARTED), Step(Stage.RINGING), Step(Stage.ENDED, "customer-busy", 486)]


async def test_steps_come_to_all_who_wait_as_they_are_reached() -> None:
    progress = Progress()

    async def follow() -> list[Stage]:
        return [step.stage async for step in progress]

    waiting = [asyncio.create_task(follow()) for _ in range(2)]
    for stage in (Stage.RINGING, Stage.ANSWERED, Stage.ENDED):
        await asyncio.sleep(0)
        progress.reach(stage)
    assert await asyncio.gather(*waiting) == [list(Stage)] * 2


def test_a_stage_is_reached_once_and_never_left_backwards() -> None:
    progress = Progress()
    progress.reach(Stage.ANSWERED)
    progress.reach(Stage.RINGING)
    progress.reach(Stage.ANSWERED)
    assert [step.stage for step in progress.steps] == [Stage.STARTED, Stage.ANSWERED]
