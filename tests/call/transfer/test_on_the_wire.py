"""Transfers of a whole gateway over SIP: a caller and a human as scripted parties, the agent as a scripted worker."""

from __future__ import annotations

import asyncio
import audioop
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.assistant.assistant import Assistant, Model
from gateway.call import endings
from gateway.call.gateway import Gateway
from gateway.call.record import CallRecord
from gateway.link.pool import WorkerPool
from gateway.link.v1 import link_pb2 as pb
from gateway.routing.settings import RouteSettings
from gateway.settings import ApiSettings, OutboundSettings, RtpSettings, Settings, WorkerSettings
from gateway.sip.endpoint import SipEndpoint
from gateway.sip.settings import SipSettings
from tests.call.house import greet
from tests.link.worker_double import WorkerDouble, serving, until
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.sip.party import Party, Received, party

LOUD = bytes([0x00, 0x80] * 80)
FINAL = ("Event: refer", "Subscription-State: terminated", "Content-Type: message/sipfrag;version=2.0")
pytestmark = pytest.mark.scenario("INV-16", peer="scripted party", transport="udp")


@dataclass
class Wire:
    """A running gateway, its worker, and the caller in a call."""

    gateway: Gateway
    worker: WorkerDouble
    caller: Party
    answer: Received

    def transfer(self, destination: dict[str, Any]) -> None:
        """The agent asks for it."""
        event = pb.WorkerEvent(
            action=pb.Action(action="t1", transfer=pb.Transfer(destination_json=json.dumps(destination)))
        )
        event.call = next(one.call for one in self.worker.got("start") if one.start.call_id != "phrase")
        self.worker.send(event)

    async def result(self) -> tuple[bool, str]:
        """What the agent was told."""
        await until(lambda: self.worker.got("action_result"))
        result = self.worker.got("action_result")[0].action_result
        return result.ok, result.detail

    async def record(self) -> CallRecord:
        await until(lambda: list(self.gateway.records.newest()))
        (record,) = self.gateway.records.newest()
        return record


@asynccontextmanager
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    worker = WorkerDouble(greet)
    async with serving(worker):
        settings = Settings(
            data_dir=tmp_path,
            api=ApiSettings(enabled=False),
            sip=SipSettings(host=LOOPBACK, port=free_port(), max_calls=4),
            rtp=RtpSettings(ports=free_ports(40)),
            worker=WorkerSettings(count=0, addresses=[worker.address]),
            routes=[RouteSettings(assistant="desk")],
            outbound=OutboundSettings(direct=[LOOPBACK]),
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
            async with party(f"{LOOPBACK}:{settings.sip.port}") as ann:
                answer = await ann.call()
                await until(lambda: worker.of_calls("answered"))
                yield Wire(gateway, worker, ann, answer)
        finally:
            await gateway.close()


async def hears(speaker: Party, rtp_port: int, listener: Party) -> bool:
    """Whether what one says comes to the other, within two seconds."""
    for index in range(100):
        speaker.speak(500 + index, address=(LOOPBACK, rtp_port), payload=LOUD)
        await asyncio.sleep(0.02)
        while not listener.rtp_received.empty():
            packet, _ = listener.rtp_received.get_nowait()
            if packet[1] & 0x7F == 0 and audioop.rms(audioop.ulaw2lin(packet[12:], 2), 2) > 3000:
                return True
    return False


def rtp_port(message: Received) -> int:
    return int(message.body.split("m=audio ")[1].split(" ")[0])


async def test_a_blind_transfer_that_worked_is_hung_up_at_its_final_notify(tmp_path: Path) -> None:
    async with wire(tmp_path) as w:
        w.transfer({"type": "sip", "sipUri": "sip:sales@127.0.0.1", "sipHeaders": {"X-Transfer-Summary": "Bread."}})
        request = await w.caller.incoming("REFER")
        assert request.message.first("x-transfer-summary") == "Bread."
        w.caller.respond(request, "202 Accepted")
        w.caller.request("NOTIFY", body="SIP/2.0 200 OK\r\n", headers=FINAL)
        told = time.monotonic()
        w.caller.respond(await w.caller.incoming("BYE"), "200 OK")
        print(f"BYE {(time.monotonic() - told) * 1000:.0f} ms after the final NOTIFY")
        assert (await w.record()).end_reason == endings.FORWARDED


async def test_a_blind_transfer_to_somebody_busy_leaves_the_caller_with_the_agent(tmp_path: Path) -> None:
    async with wire(tmp_path) as w:
        w.transfer({"type": "sip", "sipUri": "sip:sales@127.0.0.1"})
        w.caller.respond(await w.caller.incoming("REFER"), "202 Accepted")
        w.caller.request("NOTIFY", body="SIP/2.0 486 Busy Here\r\n", headers=FINAL)
        assert await w.result() == (False, "486 Busy Here")
        assert not [one for one in await w.caller.nothing(0.3) if one.method == "BYE"]
        await w.caller.bye()
        assert (await w.record()).end_reason == endings.CUSTOMER_ENDED


async def test_a_dialled_human_and_the_caller_hear_each_other_until_one_hangs_up(tmp_path: Path) -> None:
    async with wire(tmp_path) as w, party(w.caller.target) as bob:
        uri = f"sip:bob@{LOOPBACK}:{bob.port}"
        w.transfer({"type": "sip", "sipUri": uri, "sipHeaders": {"X-Case": "7"}, "transferPlan": {"sipVerb": "dial"}})
        invite = await bob.incoming("INVITE")
        assert invite.message.first("x-case") == "7"
        bob.respond(invite, "180 Ringing")
        bob.respond(invite, "200 OK", body=bob.sdp())
        await bob.incoming("ACK")
        assert (await w.result())[0]
        assert await hears(w.caller, rtp_port(w.answer), bob)
        assert await hears(bob, rtp_port(invite), w.caller)
        bye = bob_bye(bob, invite)
        await bob.response(200, "BYE")
        assert bye
        w.caller.respond(await w.caller.incoming("BYE"), "200 OK")
        assert (await w.record()).end_reason == endings.FORWARDED


async def test_a_dialled_human_who_is_busy_leaves_the_caller_with_the_agent(tmp_path: Path) -> None:
    async with wire(tmp_path) as w, party(w.caller.target) as bob:
        uri = f"sip:bob@{LOOPBACK}:{bob.port}"
        w.transfer({"type": "sip", "sipUri": uri, "transferPlan": {"sipVerb": "dial"}})
        bob.respond(await bob.incoming("INVITE"), "486 Busy Here")
        ok, detail = await w.result()
        assert not ok
        assert "486" in detail
        assert not [one for one in await w.caller.nothing(0.3) if one.method == "BYE"]
        await w.caller.bye()


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_transferred_call_goes_on_for_minutes(tmp_path: Path) -> None:
    """Calls that end a minute or so after the transfer are a common complaint about other systems."""
    seconds = 180
    async with wire(tmp_path) as w, party(w.caller.target) as bob:
        w.transfer({"type": "sip", "sipUri": f"sip:bob@{LOOPBACK}:{bob.port}", "transferPlan": {"sipVerb": "dial"}})
        invite = await bob.incoming("INVITE")
        bob.respond(invite, "200 OK", body=bob.sdp())
        await bob.incoming("ACK")
        assert (await w.result())[0]
        until_then, heard = time.monotonic() + seconds, 0
        while time.monotonic() < until_then:
            assert await hears(w.caller, rtp_port(w.answer), bob)
            assert await hears(bob, rtp_port(invite), w.caller)
            heard += 1
        assert not [one for one in await w.caller.nothing(0) + await bob.nothing(0) if one.method == "BYE"]
        print(f"heard both ways {heard} times in {seconds} s")
        bob_bye(bob, invite)
        await bob.response(200, "BYE")
        w.caller.respond(await w.caller.incoming("BYE"), "200 OK")


def bob_bye(bob: Party, invite: Received) -> str:
    """A BYE of the called side: From and To change places."""
    contact = invite.message.first("contact")
    bob.remote = contact[contact.index("<") + 1 : contact.index(">")]
    bob.call_id = invite.message.first("call-id")
    bob.to = invite.message.first("from")
    return bob.request("BYE")
