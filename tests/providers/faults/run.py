"""Many trials at once: they wait for the clock most of the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tests.providers.faults.caller import Recordings, recordings
from tests.providers.faults.trial import Case, Outcome, note_tasks, run

AT_ONCE = 16
"""More would be late for reasons of their own."""
_APART_SECONDS = 0.15
"""Trials do not begin together: each makes clients and servers, which takes the loop a while."""


async def run_all(cases: Iterable[Case]) -> dict[Case, Outcome]:
    """The outcomes of all."""
    note_tasks(asyncio.get_running_loop())
    known, room, door = await recordings(), asyncio.Semaphore(AT_ONCE), asyncio.Lock()

    async def one(case: Case) -> tuple[Case, Outcome]:
        async with room:
            async with door:
                await asyncio.sleep(_APART_SECONDS)
            return case, await _outcome(case, known)

    return dict(await asyncio.gather(*map(one, cases)))


async def _outcome(case: Case, known: Recordings) -> Outcome:
    try:
        return await run(case, known)
    except TimeoutError as error:
        return Outcome(problems=[f"never came to an end: {error!r}"])
