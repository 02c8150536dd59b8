"""Blind transfers of a whole gateway at Asterisk, with extensions that call nobody back: no caller is lost."""

from __future__ import annotations

import asyncio
import audioop
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from gateway.assistant.assistant import Assistant, Model
from gateway.call import endings
from gateway.call.gateway import Gateway
from gateway.call.session import Call
from gateway.link.pool import WorkerPool
from gateway.link.v1 import link_pb2 as pb
from gateway.routing.settings import RouteSettings
from gateway.settings import ApiSettings, RtpSettings, Settings, WorkerSettings
from gateway.sip.endpoint import SipEndpoint
from gateway.sip.settings import SipSettings
from gateway.trunk.settings import TrunkSettings
from tests.call.house import GREETING, greet
from tests.link.worker_double import WorkerDouble, serving, until
from tests.peers.asterisk import Asterisk, running_asterisk
from tests.peers.ports import LOOPBACK, free_port, free_ports

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(90),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-16", peer="Asterisk 22", transport="udp"),
]


@dataclass
class Office:
    """Asterisk, and a gateway that is registered there."""

    pbx: Asterisk
    gateway: Gateway
    worker: WorkerDouble

    @asynccontextmanager
    async def caller(self) -> AsyncIterator[Call]:
        """Somebody who hears an echo at Asterisk has called us, and talks with the agent."""
        answered = len(self.worker.of_calls("answered"))
        await self.pbx.cli("channel originate Local/100@phones application Echo")
        await until(lambda: len(self.worker.of_calls("answered")) > answered)
        (call,) = self.gateway.calls.values()
        yield call
        await call.leg.hangup()
        await until(lambda: not self.gateway.calls)

    async def transfer(self, number: str, **plan: Any) -> tuple[bool, str]:
        """What the agent was told of it."""
        results = len(self.worker.got("action_result"))
        destination = {"type": "number", "number": number, "transferPlan": plan}
        event = pb.WorkerEvent(
            action=pb.Action(action=f"t{results}", transfer=pb.Transfer(destination_json=json.dumps(destination)))
        )
        event.call = self.worker.of_calls("answered")[-1].call
        self.worker.send(event)
        await until(lambda: len(self.worker.got("action_result")) > results)
        result = self.worker.got("action_result")[-1].action_result
        return result.ok, result.detail

    async def says_and_hears_it_again(self) -> None:
        """The agent speaks, and the caller's echo comes to it."""
        heard = len(self.worker.got("audio"))
        said = [
            pb.WorkerEvent(utterance=pb.Utterance(utterance=2, text="are you there", interruptible=False)),
            pb.WorkerEvent(audio=pb.UtteranceAudio(utterance=2, pcm=GREETING, final=True)),
        ]
        for event in said:
            event.call = self.worker.of_calls("answered")[-1].call
        self.worker.send(*said)
        await until(lambda: any(loud(one.audio.pcm) for one in self.worker.got("audio")[heard:]), 5)


def loud(pcm: bytes) -> bool:
    return audioop.rms(pcm, 2) > 2000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    worker = WorkerDouble(greet)
    async with running_asterisk() as pbx, serving(worker):
        settings = Settings(
            data_dir=tmp_path_factory.mktemp("at-asterisk"),
            api=ApiSettings(enabled=False),
            sip=SipSettings(host=LOOPBACK, port=free_port(), max_calls=4),
            rtp=RtpSettings(ports=free_ports(40)),
            worker=WorkerSettings(count=0, addresses=[worker.address]),
            trunks=[
                TrunkSettings(
                    name="pbx", registrar=pbx.address, username="parley", password=pbx.plan.parley_password
                )  # nothing but what a REFER needs
            ],
            routes=[RouteSettings(assistant="desk")],
            assistants={"desk": Assistant(model=Model(provider="dialogue"), first_message="hello there")},
        )
        loop = asyncio.get_running_loop()
        gateway = Gateway(
            settings,
            pool=WorkerPool(settings.worker),
            make_endpoint=lambda on_leg: SipEndpoint(settings, loop=loop, on_leg=on_leg),
        )
        await gateway.start(worker_seconds=5)
        try:
            await until(lambda: all(one.registered for one in gateway.endpoint.registrations().values()))
            yield Office(pbx, gateway, worker)
        finally:
            await gateway.close()


def stages(call: Call) -> list[str]:
    return [entry.data["status"] for entry in call.journal.entries if entry.kind == "transfer"]


def why(call: Call) -> str:
    (requested,) = [e.data for e in call.journal.entries if e.kind == "transfer" and e.data["status"] == "requested"]
    return " ".join(requested["notes"])


@pytest.mark.parametrize(
    ("number", "plan", "stage"),
    [("303", {}, "busy"), ("307", {"dialTimeout": 1}, "no-answer"), ("999", {}, "failed")],
    ids=["busy", "unanswered", "unknown"],
)
async def test_a_caller_whose_transfer_fails_is_still_there(
    office: Office, number: str, plan: dict[str, Any], stage: str
) -> None:
    async with office.caller() as call:
        ok, detail = await office.transfer(number, **plan)
        assert (ok, stages(call)) == (False, ["requested", stage]), detail
        assert why(call) == "The verb is dial: Asterisk takes the caller away as soon as it accepts a REFER."
        await office.says_and_hears_it_again()


async def test_a_caller_is_connected_to_who_answers(office: Office) -> None:
    async with office.caller() as call:
        assert (await office.transfer("301"))[0]
        assert stages(call)[:3] == ["requested", "answered", "connected"]
        await until(lambda: not office.gateway.calls)
    await until(lambda: any(one.id == call.id for one in office.gateway.records.newest()))
    assert stages(call)[-1] == "completed"
    (record,) = [one for one in office.gateway.records.newest() if one.id == call.id]
    assert record.end_reason == endings.FORWARDED


async def test_an_explicit_verb_is_obeyed(office: Office) -> None:
    async with office.caller() as call:
        assert (await office.transfer("301", sipVerb="refer"))[0]
        assert stages(call) == ["requested", "connected"]
