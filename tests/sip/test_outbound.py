"""Calls that we make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.call.leg import Direction
from gateway.errors import LegError
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.party import Party, Received, party


@asynccontextmanager
async def dialled(ours: Exchange, bob: Party, **options: str) -> AsyncIterator[tuple[Told, Received]]:
    """We have sent an INVITE to Bob."""
    leg = await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:{bob.port}", **options)  # type: ignore[arg-type]
    told = Told(leg)
    leg.attach(told)
    yield told, await bob.incoming("INVITE")


async def test_a_call_that_is_answered_and_ended_by_the_far_end() -> None:
    async with exchange() as ours, party(ours.address) as bob, dialled(ours, bob, caller="300") as (told, invite):
        assert told.leg.info.direction is Direction.OUTBOUND
        assert invite.message.first("call-id") == told.leg.info.signalling_id
        assert "sip:300@" in invite.message.first("from")
        assert "m=text" not in invite.body
        assert "a=rtcp-mux" not in invite.body, "old far ends may refuse it"
        bob.respond(invite, "180 Ringing")
        bob.respond(invite, "200 OK", body=bob.sdp())
        await bob.incoming("ACK")
        await told.event("answered")
        await told.until(lambda one: len(one.frames) >= 10, "frames")
        await asyncio.wait_for(bob.rtp_received.get(), 3)
        await told.leg.hangup()
        bye = await bob.incoming("BYE")
        bob.respond(bye, "200 OK")
        assert (await told.event("ended"))[2] is False


@pytest.mark.parametrize("status", ["486 Busy Here", "404 Not Found", "603 Decline"])
async def test_a_refusal_is_told_with_its_status(status: str) -> None:
    async with exchange() as ours, party(ours.address) as bob, dialled(ours, bob) as (told, invite):
        bob.respond(invite, status)
        await bob.incoming("ACK")
        assert await told.event("ended") == (int(status[:3]), status[4:], True)
        assert not told.all("answered")


async def test_giving_up_while_it_rings_is_a_cancel() -> None:
    async with exchange() as ours, party(ours.address) as bob, dialled(ours, bob) as (told, invite):
        bob.respond(invite, "180 Ringing")
        await asyncio.sleep(0.1)
        hanging_up = asyncio.create_task(told.leg.hangup())
        bob.respond(await bob.incoming("CANCEL"), "200 OK")
        bob.respond(invite, "487 Request Terminated")
        await hanging_up
        status, _, by_remote = await told.event("ended")
        assert (status, by_remote) == (487, False)


async def test_an_answer_without_common_codec_ends_the_call() -> None:
    async with exchange() as ours, party(ours.address) as bob, dialled(ours, bob) as (told, invite):
        bob.respond(invite, "200 OK", body=bob.sdp(payloads="18"))
        await bob.incoming("ACK")
        bob.respond(await bob.incoming("BYE"), "200 OK")
        await told.event("ended")


async def test_custom_headers_go_out() -> None:
    async with exchange() as ours, party(ours.address) as bob:
        await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:{bob.port}", headers={"X-Order": "17"})
        assert (await bob.incoming("INVITE")).message.first("x-order") == "17"


async def test_through_a_trunk_with_its_credentials() -> None:
    async with party(f"{LOOPBACK}:1") as bob:
        trunk = {"name": "pbx", "registrar": f"{LOOPBACK}:{bob.port}", "username": "100", "password": "secret"}
        async with exchange(trunks=[trunk]) as ours:
            await ours.endpoint.dial("5551234", trunk="pbx")
            invite = await bob.incoming("INVITE")
            assert invite.message.request_uri == f"sip:5551234@{LOOPBACK}:{bob.port}"
            assert f"sip:100@{LOOPBACK}" in invite.message.first("from")
            challenge = 'Proxy-Authenticate: Digest realm="pbx", nonce="17", qop="auth", algorithm=MD5'
            bob.respond(invite, "407 Proxy Authentication Required", headers=(challenge,))
            await bob.incoming("ACK")
            again = await bob.incoming("INVITE")
            assert 'username="100"' in again.message.first("proxy-authorization")


@pytest.mark.parametrize(
    ("destination", "trunk", "says"),
    [("5551234", None, "no SIP URI"), ("http://x/", None, "no SIP URI"), ("5551234", "nobody", "No trunk 'nobody'")],
)
async def test_what_cannot_be_dialled_is_said(destination: str, trunk: str | None, says: str) -> None:
    async with exchange() as ours:
        with pytest.raises(LegError, match=says):
            await ours.endpoint.dial(destination, trunk=trunk)


async def test_beyond_the_capacity_the_leg_ends_at_once() -> None:
    async with exchange(sip={"max_calls": 1}) as ours, party(ours.address) as bob, dialled(ours, bob):
        leg = await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:{bob.port}")
        told = Told(leg)
        leg.attach(told)
        assert (await told.event("ended"))[0] == 503
