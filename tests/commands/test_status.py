from __future__ import annotations

import pytest

from gateway.commands.status import healthy, told
from gateway.control.messages import EventsToTell, GatewayProcess, StatusReport, TrunkInUse, WorkerReport
from gateway.link.worker_state import WorkerState, state_of


def gateway(state: str = "ready", *, usable: bool = True) -> GatewayProcess:
    trunks = [TrunkInUse(name="office", usable=usable)]
    return GatewayProcess(pid=10, version="1.0", state=state, calls=3, capacity=99, uptime=3723, trunks=trunks)


def worker(state: WorkerState, *, pid: int | None = 11) -> WorkerReport:
    return WorkerReport(pid=pid, name="worker-1", address="127.0.0.1:7000", calls=3, state=state, capacity=50, cpu=0.25)


def test_the_table_has_a_line_for_each_process() -> None:
    report = StatusReport(gateways=[gateway(usable=False)], workers=[worker(WorkerState.READY)])
    assert list(told(report)) == [
        "process   pid  state  calls  cpu",
        "gateway   10   ready  3/99         version 1.0, up 1:02:03, 1 trunks (office NOT usable)",
        "worker-1  11   ready  3/50   0.25  127.0.0.1:7000",
    ]


def test_refusals_and_what_waits_follow_the_table() -> None:
    troubled = gateway().model_copy(
        update={
            "refused": {"no-worker": 1, "over-capacity": 7},
            "events": EventsToTell(attached=False, waiting=12, journals=3),
            "complaints": ["The disk has not answered for 4 s."],
        }
    )
    assert list(told(StatusReport(gateways=[troubled], workers=[])))[2:] == [
        "refused calls: 7 over-capacity, 1 no-worker",
        "control plane NOT attached: 12 events and 3 journals wait",
        "The disk has not answered for 4 s.",
    ]


def test_nothing_is_said_of_a_control_plane_that_is_there() -> None:
    well = gateway().model_copy(update={"events": EventsToTell(attached=True, waiting=2, journals=1)})
    assert len(list(told(StatusReport(gateways=[well], workers=[])))) == 2


@pytest.mark.parametrize(
    ("state", "well"),
    [
        (WorkerState.STARTING, True),
        (WorkerState.READY, True),
        (WorkerState.DRAINING, True),
        (WorkerState.FROZEN, False),
        (WorkerState.LOST, False),
    ],
)
def test_a_frozen_or_lost_worker_is_no_good_health_and_an_update_is(state: WorkerState, well: bool) -> None:
    assert healthy(StatusReport(gateways=[gateway()], workers=[worker(state)])) is well


@pytest.mark.parametrize("state", ["draining", "no-worker"])
def test_a_gateway_that_takes_no_calls_is_no_good_health(state: str) -> None:
    assert not healthy(StatusReport(gateways=[gateway(state)], workers=[]))


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"starting": True}, WorkerState.STARTING),
        ({}, WorkerState.LOST),
        ({"attached": True}, WorkerState.READY),
        ({"attached": True, "draining": True}, WorkerState.DRAINING),
        ({"frozen": True}, WorkerState.FROZEN),
    ],
)
def test_the_state_of_a_worker(facts: dict[str, bool], state: WorkerState) -> None:
    assert state_of(**{"attached": False, "draining": False, "frozen": False, "starting": False} | facts) is state
