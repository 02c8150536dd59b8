"""What goes over the control socket, as JSON with camelCase names. Texts of errors are sentences for the user."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.call.progress import Stage, Step
from gateway.call.session import Call
from gateway.link.worker_state import WorkerState, WorkerStatus
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import TrunkState


class Message(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class DialRequest(Message):
    """POST /calls. `destination` is a SIP URI or a number; `variables` are template variables of the call.
    `ring_seconds`: until nobody answers; `extension`: keys that are dialled after the answer; `anyway`: also who is on
    a do-not-call list."""

    destination: str = Field(min_length=1, max_length=255)
    assistant: str | None = None
    trunk: str | None = None
    caller: str | None = None
    ring_seconds: float | None = Field(default=None, ge=1, le=600)
    extension: str = ""
    anyway: bool = False
    variables: dict[str, str] = {}


class SayRequest(Message):
    """POST /calls/ID/say."""

    text: str = Field(min_length=1, max_length=5000)
    end_call_after: bool = False
    interruptible: bool = True


class RecordingRequest(Message):
    """PUT /calls/ID/recording."""

    paused: bool


class RouteQuestion(Message):
    """POST /routes: a call that nobody makes. Addresses are as in a SIP request."""

    called: str = Field(max_length=255)
    number: str = Field(max_length=255)
    caller: str = Field(default="", max_length=255)
    trunk: str | None = None


class RouteAnswer(Message):
    """What the control plane would do with the call, in words; `answered`: somebody has the number."""

    lines: list[str]
    answered: bool


class CallStep(Message):
    """A stage that a call reached: one line of the answer to POST /calls."""

    call: str
    stage: Stage
    reason: str = ""
    status: int | None = None

    @classmethod
    def of(cls, call: Call, step: Step) -> Self:
        """A step of a call's progress."""
        return cls(call=call.id, stage=step.stage, reason=step.reason, status=step.status)


class LiveCall(Message):
    """A live call: one entry of the answer to GET /calls."""

    id: str
    direction: str
    caller: str
    called: str
    trunk: str | None
    assistant: str
    state: str
    started_at: datetime
    clock_ms: int

    @classmethod
    def of(cls, call: Call) -> Self:
        """As it is now."""
        info = call.leg.info
        return cls(
            id=call.id,
            direction=info.direction,
            caller=info.caller,
            called=info.called,
            trunk=info.trunk,
            assistant=call.assistant_name,
            state=call.state,
            started_at=call.started_at,
            clock_ms=call.now_ms,
        )


class RegistrationReport(Message):
    """A trunk's registration. `status` and `reason` are the registrar's last answer, 0 before the first. Seconds:
    `granted_seconds` are left of it, the next REGISTER is sent in `next_try_seconds`, None while one is on its way."""

    registrar: str
    registered: bool
    status: int
    reason: str
    failures: int
    granted_seconds: int
    next_try_seconds: int | None


class GatewayReport(Message):
    """A gateway that may be called. `reachable` is None where it is not known; `status` answered the last OPTIONS."""

    name: str
    priority: int
    weight: int
    reachable: bool | None
    status: int


class TrunkReport(Message):
    """A trunk: one entry of the answer to GET /trunks. `registration` is None for one that registers nowhere."""

    name: str
    label: str
    organisation: str | None
    usable: bool
    registration: RegistrationReport | None
    gateways: list[GatewayReport]

    @classmethod
    def of(cls, trunk: TrunkSettings, state: TrunkState) -> Self:
        """As it is now."""
        return cls(
            name=trunk.name,
            label=state.label,
            organisation=trunk.organisation,
            usable=state.usable,
            registration=_registration(trunk.registrar or "", state),
            gateways=[
                GatewayReport(name=name, **dataclasses.asdict(gateway)) for name, gateway in state.gateways.items()
            ],
        )


def _registration(registrar: str, state: TrunkState) -> RegistrationReport | None:
    if (known := state.registration) is None:
        return None
    return RegistrationReport(
        registrar=registrar,
        registered=known.registered,
        status=known.status,
        reason=known.reason,
        failures=known.failures,
        granted_seconds=round(state.granted_seconds),
        next_try_seconds=None if state.next_try_seconds is None else round(state.next_try_seconds),
    )


class TrunkInUse(Message):
    """A trunk of a gateway; `usable`: calls may go out by it."""

    name: str
    usable: bool


class EventsToTell(Message):
    """Events of calls that the control plane has not committed: `waiting` in memory, and all `journals` that are on
    disk, those of live calls, too. `attached`: it takes events now."""

    attached: bool
    waiting: int
    journals: int


class GatewayProcess(Message):
    """A gateway. `state` is ready, draining or no-worker; `capacity` is the most calls; `uptime` is in seconds since it
    was ready; `refused` are calls since it started, by reason; `complaints` are sentences about the disk; `events` is
    None without a control plane."""

    pid: int
    version: str
    state: str
    calls: int
    capacity: int
    uptime: int
    trunks: list[TrunkInUse]
    refused: dict[str, int] = Field(default_factory=dict)
    complaints: list[str] = Field(default_factory=list)
    events: EventsToTell | None = None


class WorkerReport(Message):
    """A worker. `state` is starting, ready, draining, frozen or lost; `pid` is None for one that was not started here;
    `calls` are this gateway's; `cpu` is in cores."""

    pid: int | None
    name: str
    address: str
    calls: int
    state: WorkerState
    capacity: int
    cpu: float

    @classmethod
    def of(cls, worker: WorkerStatus) -> Self:
        """A status of the pool's."""
        return cls(**dataclasses.asdict(worker) | {"cpu": round(worker.cpu, 2)})


class StatusReport(Message):
    """The answer to GET /status."""

    gateways: list[GatewayProcess]
    workers: list[WorkerReport]


class WorkerQuestion(Message):
    """POST /workers/drain: a worker's name or address."""

    worker: str = Field(min_length=1, max_length=255)


class RestartStep(Message):
    """One line of the answer to POST /workers/restart. `complete` is told at the end: whether all were replaced."""

    text: str
    complete: bool | None = None


class Refusal(Message):
    """The body of every answer that is no success."""

    message: str
