"""IPv6, and both families at once: each call in the family that it came by, or that its audio is of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.party import party

LOCAL = "[::1]"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ours() -> AsyncIterator[Exchange]:
    async with exchange(sip={"host": [LOOPBACK, "::1"]}) as running:
        yield running


def at(ours: Exchange, host: str) -> str:
    return f"{host}:{ours.settings.sip.port}"


@pytest.mark.parametrize(
    ("signalling", "family"),
    [
        pytest.param(LOCAL, "IP6", marks=pytest.mark.scenario("NET-04", peer="scripted party", transport="udp6")),
        pytest.param(LOOPBACK, "IP4", marks=pytest.mark.scenario("NET-04", peer="scripted party", transport="udp")),
    ],
)
async def test_a_call_is_answered_and_heard_in_its_family(ours: Exchange, signalling: str, family: str) -> None:
    async with party(at(ours, signalling), host=signalling) as bob:
        before = len(ours.calls)
        answer = await bob.call()
        assert f"c=IN {family} {signalling.strip('[]')}" in answer.body
        assert f"@{signalling}:" in answer.message.first("contact")
        packet, _ = await asyncio.wait_for(bob.rtp_received.get(), 5)
        assert packet[0] == 0x80
        bob.request("INVITE", body=bob.sdp(direction="sendonly"))
        assert (await bob.response(200, "INVITE")).direction == "recvonly"
        bob.request("ACK")
        await (await ours.call(before)).event("hold")
        await bob.bye()


@pytest.mark.scenario("NET-04", peer="scripted party", transport="udp, media IPv6")
async def test_audio_of_the_other_family_than_the_signalling_is_answered_in_its_own(ours: Exchange) -> None:
    async with party(at(ours, LOOPBACK)) as bob:
        body = bob.sdp().replace(f"IP4 {LOOPBACK}", "IP6 ::1")
        answer = await bob.call(body=body)
        assert "c=IN IP6 ::1" in answer.body
        await bob.bye()


@pytest.mark.scenario("NET-04", peer="scripted party", transport="udp6")
async def test_a_call_to_an_ipv6_address_offers_ipv6_audio(ours: Exchange) -> None:
    async with party(at(ours, LOCAL), host=LOCAL) as bob:
        leg = await ours.endpoint.dial(f"sip:bob@{LOCAL}:{bob.port}")
        told = Told(leg)
        leg.attach(told)
        invite = await bob.incoming("INVITE")
        assert "c=IN IP6 ::1" in invite.body
        assert "@[::1]:" in invite.message.first("contact")
        bob.respond(invite, "200 OK", body=bob.sdp())
        await bob.incoming("ACK")
        await told.event("answered")
        await asyncio.wait_for(bob.rtp_received.get(), 5)
        await leg.hangup()
        bob.respond(await bob.incoming("BYE"), "200 OK")
        await told.event("ended")
