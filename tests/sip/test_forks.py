"""An INVITE of ours that a proxy sends to several (RFC 3261 section 13.2.2.4)."""

from __future__ import annotations

import asyncio

import pytest

from tests.sip.exchange import exchange
from tests.sip.party import Party, Received, party
from tests.sip.test_outbound import dialled


def answer(branch: Party, invite: Received, proxy: Party, status: str, *, body: str = "") -> None:
    """One of those that ring answers by the proxy, with its own tag and contact."""
    copied = Received(invite.message, invite.body, invite.source)
    proxy_tag, proxy.tag = proxy.tag, branch.tag
    contact, proxy.port = proxy.port, branch.port
    proxy.respond(copied, status, body=body)
    proxy.tag, proxy.port = proxy_tag, contact


@pytest.mark.scenario("INV-13", peer="scripted party", transport="udp")
async def test_of_three_that_answer_one_has_the_call_and_the_others_are_told_bye() -> None:
    async with (
        exchange() as ours,
        party(ours.address) as proxy,
        party(ours.address) as first,
        party(ours.address) as second,
        party(ours.address) as third,
        dialled(ours, proxy) as (told, invite),
    ):
        for branch in (second, first, third):
            answer(branch, invite, proxy, "180 Ringing")
        answer(second, invite, proxy, "183 Session Progress", body=second.sdp())
        for branch in (first, second, third):
            answer(branch, invite, proxy, "200 OK", body=branch.sdp())
        started = asyncio.get_running_loop().time()
        for loser in (second, third):
            await loser.incoming("ACK")
            loser.respond(await loser.incoming("BYE"), "200 OK")
        assert asyncio.get_running_loop().time() - started < 0.5
        await first.incoming("ACK")
        await told.event("answered")
        await asyncio.wait_for(first.rtp_received.get(), 3)
        while not second.rtp_received.empty():
            second.rtp_received.get_nowait()
        await told.until(lambda one: len(one.frames) >= 10, "frames")
        assert second.rtp_received.empty()
        assert third.rtp_received.empty()
        assert len(told.all("answered")) == 1
        hanging_up = asyncio.create_task(told.leg.hangup())
        first.respond(await first.incoming("BYE"), "200 OK")
        await hanging_up
        await told.event("ended")


@pytest.mark.scenario("INV-13", peer="scripted party", transport="udp")
async def test_an_early_dialog_that_is_over_leaves_the_others_ringing() -> None:
    async with (
        exchange() as ours,
        party(ours.address) as proxy,
        party(ours.address) as first,
        party(ours.address) as second,
        dialled(ours, proxy) as (told, invite),
    ):
        answer(first, invite, proxy, "180 Ringing")
        answer(second, invite, proxy, "180 Ringing")
        answer(first, invite, proxy, "199 Early Dialog Terminated")
        answer(second, invite, proxy, "200 OK", body=second.sdp())
        await second.incoming("ACK")
        await told.event("answered")
        await asyncio.wait_for(second.rtp_received.get(), 3)
