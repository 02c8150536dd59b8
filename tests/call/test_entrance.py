from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from gateway.call.admission import Admission
from gateway.call.entrance import Entrance
from gateway.call.leg import LegInfo
from gateway.call.refusals import Refusals
from gateway.errors import CallRefused, NoWorker, OverCapacity
from gateway.link.link import LinkListener, WorkerLink
from gateway.link.v1 import link_pb2 as pb
from gateway.routing.settings import RouteSettings
from tests.call.leg_double import inbound


@dataclass
class Come:
    """Implements `Arrival`."""

    calls: int = 0
    unanswered: int = 0
    info: LegInfo = field(default_factory=inbound)


def worker(capacity: int, active: int = 0, *, draining: bool = False) -> WorkerLink:
    link = WorkerLink("w", "127.0.0.1:9")
    link.attached = True
    link.load = pb.Load(capacity=capacity, active_calls=active, draining=draining)
    return link


def entrance(
    *workers: WorkerLink, places: int = 100, others: int = 0, routes: list[RouteSettings] | None = None
) -> Entrance:
    routes = [RouteSettings(assistant="desk")] if routes is None else routes
    return Entrance(Admission(places), Refusals(), others=lambda: others, workers=lambda: workers, routes=routes)


def test_workers_take_calls_until_all_are_full() -> None:
    full = entrance(worker(2, 2), worker(3, 2))
    full.admit(Come(calls=4))
    with pytest.raises(NoWorker):
        full.admit(Come(calls=5, unanswered=1))


def test_a_call_that_has_its_worker_before_it_is_answered_counts_once() -> None:
    busy = worker(3)
    for _ in range(2):
        busy.open(cast(LinkListener, None))
    house = entrance(busy)
    house.admit(Come(calls=2, unanswered=2))
    with pytest.raises(NoWorker):
        house.admit(Come(calls=3, unanswered=3))


def test_a_worker_that_drains_has_no_room() -> None:
    with pytest.raises(NoWorker):
        entrance(worker(10, 1, draining=True)).admit(Come())


def test_calls_without_a_telephone_take_places_too() -> None:
    house = entrance(worker(10), places=3, others=2)
    house.admit(Come())
    with pytest.raises(OverCapacity):
        house.admit(Come(calls=1))


@pytest.mark.parametrize(
    "routes",
    [
        [],
        [RouteSettings.model_validate({"assistant": "desk", "fallback": {"number": "+15551234567"}})],
        [RouteSettings.model_validate({"destination": {"number": "+15551234567"}})],
    ],
    ids=["nobody knows yet", "a fallback", "sent on"],
)
def test_without_a_worker_callers_who_may_be_helped_otherwise_come_in(routes: list[RouteSettings]) -> None:
    entrance(routes=routes).admit(Come())


def test_a_refusal_is_counted_with_its_reason() -> None:
    refusals = Refusals()
    house = Entrance(Admission(1), refusals, others=lambda: 0, workers=lambda: (), routes=[])
    with pytest.raises(CallRefused) as refusal:
        house.admit(Come(calls=1))
    house.refused(refusal.value, Come())
    assert refusals.counts == {"over-capacity": 1}
