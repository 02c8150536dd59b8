"""A caller whom nobody here answers, by a trunk that wants it dialled: who is called, answered, and told what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.call import endings, state
from gateway.routing.settings import RouteDestination, RouteSettings
from tests.call.house import House, greet, house
from tests.call.leg_double import MemoryLeg, inbound
from tests.link.worker_double import Script, until

ELSEWHERE = RouteDestination(sip_uri="sip:queue@h")
SENT_ON = RouteSettings(number="6*", destination=ELSEWHERE)
ANSWERED_HERE = RouteSettings(number="6*", assistant="desk", fallback=ELSEWHERE)


@dataclass
class Scene:
    """A caller who hears it ring."""

    house: House
    caller: MemoryLeg

    @property
    def human(self) -> MemoryLeg:
        (leg,) = self.house.endpoint.dialled
        return leg

    async def human_answers(self) -> None:
        assert self.human.listener is not None
        self.human.listener.on_answered()
        await until(lambda: self.caller.joined == [self.human])


@asynccontextmanager
async def calling(tmp_path: Path, route: RouteSettings = SENT_ON, *scripts: Script) -> AsyncIterator[Scene]:
    async with house(tmp_path, *scripts, routes=[route]) as h:
        office = h.endpoint.known["office"]
        h.endpoint.known["office"] = office.model_copy(update={"redirect": "dial"})
        yield Scene(h, h.call(MemoryLeg(inbound(trunk="office"))))


async def rings(scene: Scene) -> None:
    await until(lambda: scene.house.endpoint.dialled and scene.human.listener)


async def test_the_caller_is_answered_when_somebody_has_answered_and_no_worker_is_asked(tmp_path: Path) -> None:
    async with calling(tmp_path, SENT_ON, greet) as scene:
        await rings(scene)
        assert scene.human.info.called == "sip:queue@h"
        assert scene.caller.alerted
        assert not scene.caller.answered
        assert scene.caller.backgrounds == []
        assert scene.house.gateway.places == 2
        await scene.human_answers()
        assert scene.caller.answered
        scene.human.end()
        record = await scene.house.record()
        asked = [one.start.call_id for one in scene.house.workers[0].got("start")]
    assert record.id not in asked
    assert (record.end_reason, record.assistant) == (endings.FORWARDED, "nobody")
    assert record.answered_at is not None
    assert record.recording is None
    (transfer,) = record.transfers
    assert (transfer.destination, transfer.status) == ("sip:queue@h", "completed")


@pytest.mark.parametrize(
    ("status", "told", "reason"),
    [
        (486, 486, endings.FORWARD_BUSY),
        (480, 480, endings.FORWARD_NO_ANSWER),
        (503, 503, endings.OUTBOUND_FAILED),
    ],
)
async def test_a_caller_whom_they_do_not_answer_is_not_answered_either(
    tmp_path: Path, status: int, told: int, reason: str
) -> None:
    async with calling(tmp_path) as scene:
        await rings(scene)
        scene.human.end(status)
        record = await scene.house.record()
    assert scene.caller.refused == (told, None)
    assert (record.end_reason, record.answered_at) == (reason, None)


async def test_who_is_called_may_take_longer_than_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "WORKER_SECONDS", 0.0)
    async with calling(tmp_path) as scene:
        await rings(scene)
        await scene.human_answers()
        assert scene.caller.answered
        scene.caller.end()
        await scene.house.record()


async def test_a_caller_who_gives_up_leaves_nobody_ringing(tmp_path: Path) -> None:
    async with calling(tmp_path) as scene:
        await rings(scene)
        scene.caller.end(487)
        record = await scene.house.record()
    assert scene.human.ended
    assert record.end_reason == endings.CALLER_GAVE_UP


async def test_who_may_not_be_called_is_not(tmp_path: Path) -> None:
    route = RouteSettings(number="6*", destination=RouteDestination(sip_uri="sip:queue@elsewhere"))
    async with calling(tmp_path, route) as scene:
        record = await scene.house.record()
        assert scene.house.endpoint.dialled == []
    assert scene.caller.refused == (503, None)
    assert record.end_reason == endings.OUTBOUND_FAILED


async def test_without_a_worker_the_fallback_of_the_route_is_called(tmp_path: Path) -> None:
    async with calling(tmp_path, ANSWERED_HERE) as scene:
        await rings(scene)
        await scene.human_answers()
        scene.caller.end()
        record = await scene.house.record()
    assert scene.human.ended
    assert (record.end_reason, record.assistant) == (endings.FORWARDED, "desk")


async def test_a_fallback_that_fails_too_leaves_the_reason_of_the_first_failure(tmp_path: Path) -> None:
    async with calling(tmp_path, ANSWERED_HERE) as scene:
        await rings(scene)
        scene.human.end(503)
        record = await scene.house.record()
    assert record.end_reason == endings.NO_WORKER


async def test_a_gateway_with_one_place_has_none_for_the_second_call(tmp_path: Path) -> None:
    async with house(tmp_path, routes=[SENT_ON], max_calls=1) as h:
        h.endpoint.known["office"] = h.endpoint.known["office"].model_copy(update={"redirect": "dial"})
        caller = h.call(MemoryLeg(inbound(trunk="office")))
        record = await h.record()
        assert h.endpoint.dialled == []
    assert caller.refused == (503, None)
    assert record.end_reason == endings.OUTBOUND_FAILED


async def test_other_trunks_are_told_by_302(tmp_path: Path) -> None:
    async with house(tmp_path, routes=[SENT_ON]) as h:
        caller = h.call(MemoryLeg(inbound(trunk="office")))
        await until(lambda: caller.refused)
    assert (caller.refused, caller.redirected_to) == ((302, None), "sip:queue@h")
