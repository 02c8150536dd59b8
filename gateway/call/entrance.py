"""Where inbound calls come in: whether one is taken is decided here before the stack makes anything for it.

Called by the SIP owner thread, so it reads what the event loop owns, and changes nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Protocol

from gateway.call.admission import Admission, Occupancy
from gateway.call.leg import LegInfo
from gateway.call.refusals import Refusals
from gateway.call.strain import Measure
from gateway.errors import CallRefused, NoRoute, NoWorker
from gateway.link.link import WorkerLink
from gateway.routing.decision import decide
from gateway.routing.settings import RouteSettings


class Arrival(Protocol):
    """A call that comes, and those that are there."""

    @property
    def info(self) -> LegInfo:
        """What is known of the caller."""

    @property
    def calls(self) -> int:
        """Of the stack, besides this one."""

    @property
    def unanswered(self) -> int:
        """How many of them came and were not answered yet."""


class Entrance:
    """:param others: calls that are no telephone's
    :param workers: those that are known now
    :param routes: of the settings
    """

    def __init__(
        self,
        admission: Admission,
        refusals: Refusals,
        *,
        others: Callable[[], int],
        workers: Callable[[], Iterable[WorkerLink]],
        routes: Iterable[RouteSettings],
    ) -> None:
        self._admission = admission
        self._refusals = refusals
        self._others = others
        self._workers = workers
        self._routes = list(routes)

    def admit(self, arrival: Arrival) -> None:
        """A call that comes, once for each. :raises CallRefused: it is not taken"""
        calls = arrival.calls + self._others()
        occupancy = Occupancy(calls, self._slots(calls, arrival.unanswered))
        try:
            self._admission.begin(occupancy, time.monotonic())
        except NoWorker:
            if self._needs_worker(arrival.info):
                raise
            self._admission.begin(Occupancy(occupancy.calls), time.monotonic())

    def refused(self, refusal: CallRefused, arrival: Arrival) -> None:
        """It was told so."""
        if refusal.reason == Measure.RTP_PORTS:
            self._admission.strain.measured({Measure.RTP_PORTS: 1.0}, time.monotonic())
        self._refusals.add(refusal, caller=arrival.info.caller, number=arrival.info.number)

    def _slots(self, calls: int, unanswered: int) -> int:
        """Calls that workers can take besides those which they have, or which will ask for one before this call does.

        Many of the unanswered have theirs already: its first words are being made before they are answered.
        """
        workers = list(self._workers())
        unplaced = max(0, calls - sum(worker.calls for worker in workers))
        return sum(map(_room, workers)) - min(unanswered, unplaced)

    def _needs_worker(self, info: LegInfo) -> bool:
        """Whether a worker of ours is the only one who could take it: no server to be asked, nowhere else to go."""
        try:
            decision = decide(info, self._routes, datetime.now(UTC))
        except NoRoute:
            return False
        return decision.assistant is not None and decision.route.fallback is None


def _room(worker: WorkerLink) -> int:
    """Calls that a worker takes besides those that it has."""
    if not worker.available:
        return 0
    return max(0, worker.load.capacity - max(worker.calls, worker.load.active_calls))
