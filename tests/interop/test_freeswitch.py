"""What FreeSWITCH does to us, played by a script in its header forms: FreeSWITCH itself is not run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import pytest
import pytest_asyncio

from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.party import LOOPBACK, Party, Received, party

SHIPPED = Path(__file__).parents[2] / "deploy/freeswitch"
PEER = "FreeSWITCH (played)"
pytestmark = pytest.mark.asyncio(loop_scope="module")

_CAN = (
    "User-Agent: FreeSWITCH-mod_sofia/1.10.12-release~64bit",
    "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY, PUBLISH, SUBSCRIBE",
    "Supported: timer, path, replaces",
    "Allow-Events: talk, hold, conference, refer",
)
INVITE = (
    *_CAN,
    "Session-Expires: 1800;refresher=uac",
    "Content-Disposition: session",
    "X-Dialled: 700",
    "X-FS-Support: update_display,send_info",
    'Remote-Party-ID: "Ann" <sip:1001@127.0.0.1>;party=calling;screen=yes;privacy=off',
)


def proven(scenario: str) -> pytest.MarkDecorator:
    return pytest.mark.scenario(scenario, peer=PEER, transport="udp")


@dataclass(frozen=True, slots=True)
class Lab:
    """Parley with a trunk whose gateway is the script `switch`."""

    ours: Exchange
    switch: Party

    async def call(self) -> Told:
        """FreeSWITCH calls us; the call is up."""
        known = len(self.ours.calls)
        await self.switch.call(body=sdp(self.switch), headers=INVITE)
        told = await self.ours.call(known)
        await told.event("answered")
        return told


def sdp(switch: Party, direction: str = "sendrecv") -> str:
    return switch.sdp(
        payloads="0 8 101 13",
        direction=direction,
        attributes=("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=rtpmap:13 CN/8000", "a=ptime:20"),
    ).replace("o=ann 1 ", "o=FreeSWITCH 1763870000 ")


@pytest_asyncio.fixture(loop_scope="module")
async def lab(ours: tuple[Exchange, Party]) -> Lab:
    """The same switch, in a new dialog."""
    exchange, switch = ours
    switch.call_id, switch.to, switch.own, switch.remote = uuid4().hex, "", "", ""
    return Lab(exchange, switch)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ours() -> AsyncIterator[tuple[Exchange, Party]]:
    async with party("") as switch:
        switch.name, switch.user = "mod_sofia", "700"
        gateway = {"host": LOOPBACK, "port": switch.port}
        trunk = {"name": "switch", "gateways": [gateway], "qualify_seconds": 0, "trusted": True}
        async with exchange(trunks=[trunk]) as running:
            switch.target = running.address
            yield running, switch


@proven("INV-18")
async def test_its_call_is_the_trunks_and_says_who_calls_and_what_was_dialled(lab: Lab) -> None:
    told = await lab.call()
    assert told.leg.info.trunk == "switch"
    assert told.leg.info.identity is not None
    assert (told.leg.info.identity.header, told.leg.info.identity.number) == ("Remote-Party-ID", "1001")
    assert told.leg.info.headers["X-Dialled"] == "700"
    await lab.switch.bye()


@proven("DTM-03")
async def test_its_keys_by_info_come_once_each(lab: Lab) -> None:
    told = await lab.call()
    for key in "5#":
        body = f"Signal={key}\r\nDuration=160\r\n"
        lab.switch.request("INFO", body=body, headers=("Content-Type: application/dtmf-relay",))
        await lab.switch.response(200, "INFO")
    await told.until(lambda one: one.all("digit") == [("5",), ("#",)], "two keys")
    await lab.switch.bye()


@proven("INV-04")
async def test_its_hold_is_a_hold(lab: Lab) -> None:
    told = await lab.call()
    for direction, held, answered in (("sendonly", True, "recvonly"), ("sendrecv", False, "sendrecv")):
        answer = await lab.switch.reinvite(sdp(lab.switch, direction))
        assert answer.direction == answered
        await told.until(lambda one, held=held: (held,) in one.all("hold"), f"hold {held}")  # type: ignore[misc]
    await lab.switch.bye()


@proven("INV-10")
async def test_it_refreshes_the_session_by_an_invite_without_a_change(lab: Lab) -> None:
    known = len(lab.ours.calls)
    body = sdp(lab.switch)
    answer = await lab.switch.call(body=body, headers=INVITE)
    assert answer.message.first("session-expires") == "1800;refresher=uac"
    assert "timer" in answer.message.first("require")
    told = await lab.ours.call(known)
    await told.event("answered")
    lab.switch.request("INVITE", body=body, headers=INVITE)
    refreshed = await lab.switch.response(200, "INVITE")
    lab.switch.request("ACK")
    assert "refresher=uac" in refreshed.message.first("session-expires")
    assert not told.all("hold")
    await lab.switch.bye()


@proven("INV-19")
async def test_its_good_bye_with_a_cause_ends_the_call(lab: Lab) -> None:
    told = await lab.call()
    lab.switch.request("BYE", headers=('Reason: Q.850;cause=16;text="NORMAL_CLEARING"',))
    await lab.switch.response(200, "BYE")
    assert (await told.event("ended"))[2] is True


async def dialled(lab: Lab) -> tuple[Told, Received]:
    """We call it: what came. Early media first, as of a bridge that rings, then its answer."""
    leg = await lab.ours.endpoint.dial("101", trunk="switch")
    told = Told(leg)
    leg.attach(told)
    invite = await lab.switch.incoming("INVITE")
    lab.switch.respond(invite, "183 Session Progress", headers=_CAN, body=sdp(lab.switch))
    await told.event("ringing")
    assert not told.all("answered")
    lab.switch.respond(invite, "200 OK", headers=_CAN, body=sdp(lab.switch))
    await told.event("answered")
    ack = await lab.switch.incoming("ACK")
    assert ack.message.request_uri == f"sip:mod_sofia@{LOOPBACK}:{lab.switch.port}"
    return told, invite


@proven("INV-08")
async def test_we_call_it_through_early_media(lab: Lab) -> None:
    told, invite = await dialled(lab)
    lab.switch.called(invite)
    await asyncio.wait_for(lab.switch.rtp_received.get(), 3)
    await told.leg.hangup()
    lab.switch.respond(await lab.switch.incoming("BYE"), "200 OK")
    await told.event("ended")


@proven("INV-16")
async def test_a_transfer_ends_with_its_notify_and_good_bye(lab: Lab) -> None:
    told = await lab.call()
    await told.leg.transfer(f"sip:600@{LOOPBACK}:{lab.switch.port}")
    refer = await lab.switch.incoming("REFER")
    assert refer.message.request_uri.startswith("sip:mod_sofia@")
    lab.switch.respond(refer, "202 Accepted", headers=(*_CAN, "Expires: 60"))
    for fragment, state in (("SIP/2.0 100 Trying\r\n", "active;expires=60"), ("SIP/2.0 200 OK\r\n", "terminated")):
        kind = ("Content-Type: message/sipfrag", "Event: refer", f"Subscription-State: {state};reason=noresource")
        lab.switch.request("NOTIFY", body=fragment, headers=kind)
        await lab.switch.response(200, "NOTIFY")
    assert (await told.event("transfer"))[0] is True
    await lab.switch.bye()
    await told.event("ended")


async def test_the_files_that_are_shipped_fit_together() -> None:
    files = {file: ElementTree.parse(file).getroot() for file in sorted(SHIPPED.rglob("*.xml"))}
    assert len(files) == 6
    gateways = {one.get("name") for root in files.values() for one in root.iter("gateway")}
    contexts = {one.get("name") for root in files.values() for one in root.iter("context")}
    queues = {one.get("name") for root in files.values() for one in root.iter("queue")}
    data = [one.get("data", "") for root in files.values() for one in root.iter("action")]
    assert {one.split("sofia/gateway/")[1].split("/")[0] for one in data if "sofia/gateway/" in one} == gateways
    assert {one.split("=")[1] for one in data if one.startswith("force_transfer_context=")} == contexts
    assert "office@default" in queues & set(data)
