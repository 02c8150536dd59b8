"""The last calls of a gateway: whoever ends in time is not disturbed, the others hear a goodbye before the limit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from gateway.call import going_down
from gateway.call.going_down import AFTER_GOODBYE_SECONDS, GOODBYE_SECONDS, end_calls, lead_seconds
from gateway.call.state import EndNow, Event, Farewell


@dataclass
class Lasting:
    """A call that ends when it is told so: by these events."""

    ends_by: tuple[type[Event], ...] = (Farewell, EndNow)
    heard: list[Event] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def post(self, event: Event) -> None:
        self.heard.append(event)
        if isinstance(event, self.ends_by):
            self.ended.set()


async def told(*calls: Lasting, limit_seconds: float) -> list[list[str]]:
    """What each call was told."""

    def live() -> list[Lasting]:
        return [call for call in calls if not call.ended.is_set()]

    async def until_empty(seconds: float) -> None:
        if waiting := [asyncio.create_task(call.ended.wait()) for call in live()]:
            _, late = await asyncio.wait(waiting, timeout=max(0.0, seconds))
            for task in late:
                task.cancel()

    await end_calls(live, until_empty, limit_seconds)
    return [[type(event).__name__ for event in call.heard] for call in calls]


async def test_a_call_that_ends_by_itself_is_not_disturbed() -> None:
    call = Lasting()
    asyncio.get_running_loop().call_later(0.05, call.ended.set)
    assert await told(call, limit_seconds=30) == [[]]


async def test_the_others_hear_a_goodbye_and_one_that_hangs_is_hung_up_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(going_down, "HANGUP_SECONDS", 0.05)
    polite, deaf, hanging = Lasting(), Lasting(ends_by=(EndNow,)), Lasting(ends_by=())
    assert await told(polite, deaf, hanging, limit_seconds=0.2) == [
        ["Farewell"],
        ["Farewell", "EndNow"],
        ["Farewell", "EndNow"],
    ]


async def test_without_time_they_are_hung_up_at_once() -> None:
    assert await told(Lasting(), limit_seconds=0) == [["EndNow"]]


@pytest.mark.parametrize(
    ("limit", "lead"),
    [(300.0, GOODBYE_SECONDS + AFTER_GOODBYE_SECONDS), (2.0, 1.0), (0.0, 0.0)],
)
def test_the_goodbye_is_over_by_the_limit(limit: float, lead: float) -> None:
    assert lead_seconds(limit) == lead
