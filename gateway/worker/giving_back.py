"""When a worker that drains gives a call back, so that another one goes on with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

LOOK_SECONDS = 0.05
NOTICED_MS = 600
"""Speech that began longer ago than this has been noticed."""
LONGEST_SECONDS = 20.0
"""A call that has no pause for this long is given back in the middle of what is said: that can go on elsewhere, too."""


class Moment(Protocol):
    """A session, as far as it tells whether another worker may go on."""

    @property
    def goes_on(self) -> bool:
        """Neither the call nor this assistant's part of it is over."""

    @property
    def between_turns(self) -> bool:
        """Nobody speaks, and nothing is owed."""

    @property
    def acts(self) -> bool:
        """Something is being done besides speaking: another worker could not do it again."""


def suits(session: Moment, waited_seconds: float) -> bool:
    """Whether the call may be given back now. What cannot be done twice is done first, however long it takes."""
    return not session.acts and (session.between_turns or waited_seconds >= LONGEST_SECONDS)


async def suitable_moment(session: Callable[[], Moment], *, handing_over: Callable[[], bool]) -> bool:
    """Wait for a moment that suits the call; false when it ended before.

    :param session: whose turn it is now: another assistant may get the call meanwhile
    :param handing_over: one is about to
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while session().goes_on:
        if not handing_over() and suits(session(), loop.time() - began):
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False
