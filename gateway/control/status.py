"""What the processes of this machine are doing, for `parley status`."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.control.messages import EventsToTell, GatewayProcess, StatusReport, TrunkInUse, WorkerReport

if TYPE_CHECKING:
    from gateway.call.gateway import Gateway

READY = "ready"
DRAINING = "draining"
NO_WORKER = "no-worker"


async def status_report(gateway: Gateway, *, uptime_seconds: float) -> StatusReport:
    """As it is now."""
    trunks = gateway.endpoint.trunk_states()
    process = GatewayProcess(
        pid=os.getpid(),
        version=__version__,
        state=_state(gateway),
        calls=len(gateway.calls),
        capacity=gateway.settings.capacity,
        uptime=round(uptime_seconds),
        trunks=[TrunkInUse(name=name, usable=state.usable) for name, state in trunks.items()],
        refused=dict(gateway.refusals.counts),
        complaints=gateway.disk_watch.complaints,
        events=await _events(gateway),
    )
    return StatusReport(gateways=[process], workers=[WorkerReport.of(worker) for worker in gateway.pool.status()])


async def _events(gateway: Gateway) -> EventsToTell | None:
    plane = gateway.plane
    if plane is None:
        return None
    # thousands may be there after a long outage
    journals = await asyncio.to_thread(gateway.records.count_journals)
    return EventsToTell(attached=plane.attached, waiting=plane.spool.waiting, journals=journals)


def _state(gateway: Gateway) -> str:
    if gateway.admission.draining:
        return DRAINING
    return READY if gateway.pool.ready else NO_WORKER
