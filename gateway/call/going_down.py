"""The last calls of a gateway that goes down: they may end by themselves, then hear a goodbye, then are hung up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from gateway.call import endings
from gateway.call.state import EndNow, Event, Farewell

log = structlog.get_logger(__name__)

GOODBYE_SECONDS = 7.0
"""A prepared phrase takes no longer."""
AFTER_GOODBYE_SECONDS = 0.5
"""For what was said to reach the caller, and the BYE to go out."""
HANGUP_SECONDS = 1.0
"""For calls to end that were hung up: one that hangs is not waited for."""


class Call(Protocol):
    """The part of a call that ends it."""

    def post(self, event: Event) -> None:
        """Give the state machine an event."""


def lead_seconds(limit_seconds: float) -> float:
    """How long before the limit the goodbye begins, so that nobody is cut off in it: at most half of a short limit."""
    return min(GOODBYE_SECONDS + AFTER_GOODBYE_SECONDS, limit_seconds / 2)


async def end_calls(
    live: Callable[[], Sequence[Call]], until_empty: Callable[[float], Awaitable[None]], limit_seconds: float
) -> None:
    """Returns when no call is left, or `HANGUP_SECONDS` after the limit.

    :param live: the calls that are left
    :param until_empty: waits until none is, for so many seconds at most
    """
    loop = asyncio.get_running_loop()
    limit = loop.time() + limit_seconds
    if limit_seconds:
        await until_empty(limit_seconds - lead_seconds(limit_seconds))
        _say_goodbye(live())
        await until_empty(limit - loop.time())
    for call in live():
        call.post(EndNow(endings.WORKER_SHUTDOWN))
    await until_empty(HANGUP_SECONDS)


def _say_goodbye(calls: Sequence[Call]) -> None:
    if calls:
        log.warning("calls are ended, the limit is near", calls=len(calls))
    for call in calls:
        call.post(Farewell(endings.WORKER_SHUTDOWN))
