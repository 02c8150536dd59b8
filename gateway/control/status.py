"""What the processes of this machine are doing, for `parley status`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.control.messages import GatewayProcess, StatusReport, TrunkInUse, WorkerReport

if TYPE_CHECKING:
    from gateway.call.gateway import Gateway

READY = "ready"
DRAINING = "draining"
NO_WORKER = "no-worker"


def status_report(gateway: Gateway, *, uptime_seconds: float) -> StatusReport:
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
    )
    return StatusReport(gateways=[process], workers=[WorkerReport.of(worker) for worker in gateway.pool.status()])


def _state(gateway: Gateway) -> str:
    if gateway.admission.draining:
        return DRAINING
    return READY if gateway.pool.ready else NO_WORKER
