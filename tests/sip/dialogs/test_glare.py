"""Offers that cross or overtake each other (RFC 3261 section 14.2, RFC 3311 section 5.2)."""

from __future__ import annotations

import asyncio

import pytest

from gateway.call.leg import Leg
from tests.sip.exchange import Exchange
from tests.sip.party import Party, Received, party

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-07", peer="scripted party", transport="udp"),
]


def final(one: Received) -> bool:
    return one.status >= 200 and one.method == "INVITE"


def assert_comes_too_early(refused: Received) -> None:
    assert refused.status == 500
    assert 0 <= int(refused.message.first("retry-after")) <= 10


async def overtake(ann: Party) -> None:
    """A re-INVITE before the one before it has its ACK; then the ACK, and one that is in time."""
    ann.request("INVITE", body=ann.sdp())
    first = await ann.response(200, "INVITE")
    ann.request("INVITE", body=ann.sdp())
    early = await ann.expect(lambda one: final(one) and one.message.first("cseq") != first.message.first("cseq"), "500")
    assert_comes_too_early(early)
    ann.request("ACK", same_transaction=True)
    ann.acknowledge(int(first.message.first("cseq").split(" ")[0]))
    await ann.reinvite(ann.sdp())


async def test_a_reinvite_that_comes_too_early_may_come_again(ours: Exchange, ann: Party) -> None:
    await ann.call()
    told = await ours.call()
    await told.event("answered")
    await overtake(ann)
    await ann.bye()
    await told.event("ended")


async def test_an_invite_while_it_rings(ours: Exchange, ann: Party) -> None:
    may_answer = asyncio.Event()

    async def answer(leg: Leg) -> None:
        await may_answer.wait()
        await leg.answer()

    ours.answering = answer
    ann.request("INVITE", body=ann.sdp())
    ringing = await ann.response(180, "INVITE")
    invite = int(ringing.message.first("cseq").split(" ")[0])
    ann.request("INVITE", body=ann.sdp())
    assert_comes_too_early(await ann.expect(final, "500"))
    ann.request("ACK", same_transaction=True)
    may_answer.set()
    await ann.response(200, "INVITE")
    ann.acknowledge(invite)
    await (await ours.call()).event("answered")
    await ann.bye()


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_thousand_reinvites_that_come_too_early_leave_no_call_stuck(ours: Exchange) -> None:
    async def some(count: int) -> None:
        async with party(ours.address) as ann:
            await ann.call()
            for _ in range(count):
                await overtake(ann)
            await ann.bye()

    await asyncio.gather(*[some(100) for _ in range(10)])
    for told in ours.calls:
        await told.event("ended")
    assert len(ours.calls) == 10
