"""A gateway with workers and endpoint, all real but the far ends: legs in memory, scripted workers over gRPC."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.assistant.assistant import Assistant, Model
from gateway.assistant.budget import Budget
from gateway.call.dialling import Dialled
from gateway.call.dialog import KeptDialog
from gateway.call.entrance import Arrival
from gateway.call.gateway import Gateway
from gateway.call.leg import NO_HEADERS, Direction, Leg
from gateway.call.phrases import Phrase
from gateway.call.record import CallRecord
from gateway.errors import CallRefused
from gateway.link.pool import WorkerPool
from gateway.link.v1 import link_pb2 as pb
from gateway.routing.settings import RouteSettings
from gateway.settings import (
    ApiSettings,
    DiskSettings,
    OutboundSettings,
    Settings,
    WorkerSettings,
)
from gateway.sip.settings import SipSettings
from gateway.trunk.registration import RegistrationState
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import GatewayState, TrunkState
from tests.call.leg_double import MemoryLeg, inbound
from tests.link.worker_double import Script, WorkerDouble, serving, until

GREETING = bytes(range(1, 101)) * 64  # 3200 samples, 400 ms, no zero byte
APOLOGY = b"\x22\x11" * 1600
PHRASES = {phrase: APOLOGY if phrase is Phrase.APOLOGY else b"\x33\x22" * 800 for phrase in Phrase}


class MemoryEndpoint:
    """Implements the gateway's `Endpoint`."""

    def __init__(self, on_leg: Callable[[Leg], None]) -> None:
        self.on_leg = on_leg
        self.accepting = False
        self.staffed: Callable[[], bool] = lambda: False
        self.dialled: list[MemoryLeg] = []
        self.registered: dict[str, RegistrationState] = {}
        self.known: dict[str, TrunkSettings] = {}
        self.gateways: dict[str, GatewayState] = {}
        self.redialled: list[tuple[str, str | None, str | None]] = []
        self.told: list[TrunkSettings] = []
        self.ended_dialogs: list[KeptDialog] = []

    async def start(self) -> None:
        self.accepting = True

    async def dial(
        self,
        destination: str,
        *,
        trunk: str | None = None,
        gateway: str | None = None,
        caller: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> MemoryLeg:
        leg = MemoryLeg(inbound(direction=Direction.OUTBOUND, called=destination, caller=caller or "", trunk=trunk))
        self.dialled.append(leg)
        return leg

    async def redial(
        self, leg: Dialled, destination: str, *, trunk: str | None, gateway: str | None, caller: str | None
    ) -> None:
        assert isinstance(leg, MemoryLeg)
        self.redialled.append((destination, trunk, gateway))
        leg.redialled(called=destination, trunk=trunk)

    def trunks(self) -> Mapping[str, TrunkSettings]:
        return {**self.known, **{trunk.name: trunk for trunk in self.told}}

    def trunk_states(self) -> Mapping[str, TrunkState]:
        return {name: TrunkState("", self.registered.get(name), self.gateways) for name in self.trunks()}

    async def set_trunks(self, trunks: Sequence[TrunkSettings]) -> None:
        self.told = list(trunks)

    async def end_dialog(self, dialog: KeptDialog, reason: str) -> int:
        self.ended_dialogs.append(dialog)
        return 200

    def registrations(self) -> Mapping[str, RegistrationState]:
        return self.registered

    def admit_by(
        self,
        admit: Callable[[Arrival], None],
        refused: Callable[[CallRefused, Arrival], None],
        staffed: Callable[[], bool],
    ) -> None:
        """Nobody calls over a wire."""
        self.staffed = staffed

    def media_late_ms(self) -> float:
        return 0.0

    def stop_accepting(self) -> None:
        self.accepting = False

    async def close(self) -> None:
        self.accepting = False


def greet(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    """Accept, and say GREETING when answered; the apology when asked for it as a first message."""
    match event.WhichOneof("event"):
        case "start":
            yield pb.WorkerEvent(accepted=pb.Accepted())
            said = json.loads(event.start.assistant_json or "{}").get("firstMessage")
            if said in PHRASES:
                yield pb.WorkerEvent(utterance=pb.Utterance(utterance=1, text=said, interruptible=True))
                yield pb.WorkerEvent(audio=pb.UtteranceAudio(utterance=1, pcm=PHRASES[said], final=True))
        case "answered" if worker.call_id(event.call) != "phrase":
            yield pb.WorkerEvent(utterance=pb.Utterance(utterance=1, text="hello there", interruptible=True, turn=1))
            yield pb.WorkerEvent(audio=pb.UtteranceAudio(utterance=1, pcm=GREETING, final=True))


class House:
    """A gateway with its worker and endpoint, as a test sees them."""

    def __init__(self, gateway: Gateway, workers: list[WorkerDouble]) -> None:
        self.gateway = gateway
        self.workers = workers

    @property
    def endpoint(self) -> MemoryEndpoint:
        assert isinstance(self.gateway.endpoint, MemoryEndpoint)
        return self.gateway.endpoint

    def call(self, leg: MemoryLeg | None = None) -> MemoryLeg:
        leg = leg or MemoryLeg()
        self.endpoint.on_leg(leg)
        return leg

    async def live(self) -> MemoryLeg:
        """An answered call whose greeting is in the ring."""
        leg = self.call()
        await until(lambda: leg.ring.queued() == len(GREETING) // 2)
        return leg

    async def with_phrases(self, *phrases: Phrase) -> None:
        """Wait until they are there, or else the apology."""
        assistant, prepared = self.gateway.settings.assistants["desk"], self.gateway.phrases
        await until(lambda: all(prepared.pcm(assistant, phrase) for phrase in phrases or (Phrase.APOLOGY,)))

    async def record(self) -> CallRecord:
        """The record of the one call that has ended, once it is there."""
        await until(lambda: list(self.gateway.records.newest()))
        (record,) = self.gateway.records.newest()
        return record


@asynccontextmanager
async def house(
    tmp_path: Path,
    *scripts: Script,
    api: ApiSettings | None = None,
    budget: Budget | None = None,
    routes: Sequence[RouteSettings] = (),
    disk: DiskSettings | None = None,
    **sip: int,
) -> AsyncIterator[House]:
    """:param api: where the control plane is; None for a gateway without one"""
    assistant = Assistant(model=Model(provider="dialogue"), first_message="hello there", budget=budget)
    workers = [WorkerDouble(script) for script in scripts]
    async with _serve_all(workers):
        settings = Settings(
            data_dir=tmp_path,
            disk=disk or DiskSettings(reserve_megabytes=1),
            api=api or ApiSettings(enabled=False),
            sip=SipSettings(**sip),
            worker=WorkerSettings(count=0, addresses=[worker.address for worker in workers]),
            trunks=[TrunkSettings(name="office", registrar="pbx.example.com", username="100")],
            routes=[*routes, RouteSettings(assistant="desk", number="6*")],
            outbound=OutboundSettings(direct=["h"]),
            assistants={"desk": assistant},
        )
        gateway = Gateway(settings, pool=WorkerPool(settings.worker), make_endpoint=MemoryEndpoint)
        await gateway.start(worker_seconds=5 if workers else 0)
        assert isinstance(gateway.endpoint, MemoryEndpoint)
        gateway.endpoint.known = {trunk.name: trunk for trunk in settings.trunks}
        try:
            await until(lambda: sum(link.attached for link in gateway.pool.links) == len(workers))
            yield House(gateway, workers)
        finally:
            await gateway.close()


@asynccontextmanager
async def _serve_all(workers: list[WorkerDouble]) -> AsyncIterator[None]:
    if not workers:
        yield
        return
    async with serving(workers[0]), _serve_all(workers[1:]):
        yield


async def play(leg: MemoryLeg, frames: int) -> None:
    """Media ticks, with the loop running between them."""
    for _ in leg.frames(frames):
        await asyncio.sleep(0)


def entry(at_ms: int, kind: str, **data: object) -> pb.WorkerEvent:
    return pb.WorkerEvent(journal=pb.JournalEntry(at_ms=at_ms, kind=kind, json=json.dumps(data)))


def to_call(worker: WorkerDouble, *events: pb.WorkerEvent) -> None:
    """Events for the call that was answered last."""
    number = next(e.call for e in reversed(worker.got("answered")) if worker.call_id(e.call) != "phrase")
    for event in events:
        event.call = number
    worker.send(*events)


def action(name: str, **act: object) -> pb.WorkerEvent:
    return pb.WorkerEvent(action=pb.Action(action=name, **act))  # type: ignore[arg-type]


async def started(h: House) -> list[pb.GatewayEvent]:
    """The openings of calls on the worker, once there is one."""

    def calls() -> list[pb.GatewayEvent]:
        return [event for event in h.workers[0].got("start") if event.start.call_id != "phrase"]

    await until(calls)
    return calls()
