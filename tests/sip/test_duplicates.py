"""Requests that come twice, or that belong to nothing: RFC 3261 sections 8.2.2.2, 15.1.2, 17.2.3."""

from __future__ import annotations

import asyncio
import re
from uuid import uuid4

import pytest

from tests.sip.exchange import Exchange, exchange
from tests.sip.party import party


@pytest.mark.scenario("INV-14", peer="scripted party", transport="udp")
@pytest.mark.parametrize("copies", [2, 11])
async def test_an_invite_that_comes_again_is_the_same_call(copies: int) -> None:
    async with exchange() as ours, party(ours.address) as ann:
        invite = ann.request("INVITE", body=ann.sdp())
        for _ in range(copies - 1):
            ann.raw(invite.encode())
        await ann.response(200, "INVITE")
        ann.raw(invite.encode())
        ann.request("ACK")
        await (await ours.call()).event("answered")
        await asyncio.sleep(0.2)
        assert len(ours.calls) == 1
        await ann.bye()


async def repeated(ours: Exchange, copies: int) -> str:
    """A whole call whose INVITE and BYE come so often; its Call-ID."""
    async with party(ours.address) as ann:
        # no audio, which would come to a port that is a later party's
        invite = ann.request("INVITE", body=ann.sdp(port=9, direction="inactive"))
        for _ in range(copies - 1):
            ann.raw(invite.encode())
        await ann.response(200, "INVITE")
        ann.raw(invite.encode())
        ann.request("ACK")
        bye = ann.request("BYE")
        for _ in range(copies - 1):
            ann.raw(bye.encode())
        await ann.response(200, "BYE")
        return ann.call_id


@pytest.mark.scenario("INV-14", peer="scripted party", transport="udp")
@pytest.mark.parametrize(
    "count", [20, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])], ids=["a few", "10,000"]
)
async def test_of_calls_whose_datagrams_are_repeated_none_is_taken_twice(count: int) -> None:
    at_once = 10
    async with exchange(sip={"max_calls": 3 * at_once}) as ours:
        made: list[str] = []
        for first in range(0, count, at_once):
            copies = [2 + (first + index) % 10 for index in range(at_once)]
            made += await asyncio.gather(*(repeated(ours, one) for one in copies))
            while ours.endpoint.live_calls:  # noqa: ASYNC110  places are to be free
                await asyncio.sleep(0.002)
        for told in ours.calls:
            await told.event("ended")
        assert sorted(told.leg.info.signalling_id for told in ours.calls) == sorted(made)
        assert {len(told.all("ended")) for told in ours.calls} == {1}


@pytest.mark.scenario("INV-14", peer="scripted party", transport="udp")
async def test_an_invite_that_came_by_two_ways_is_taken_once() -> None:
    async with exchange(lambda leg: asyncio.sleep(0)) as ours, party(ours.address) as ann:
        invite = ann.request("INVITE", body=ann.sdp())
        await ours.call()
        ann.raw(re.sub(r"branch=z9hG4bK\w+", f"branch=z9hG4bK{uuid4().hex}", invite).encode())
        await ann.response(482, "INVITE")
        assert len(ours.calls) == 1
        ann.request("CANCEL")
        await ann.response(487, "INVITE")
        ann.request("ACK", same_transaction=True)


@pytest.mark.scenario("INV-14", peer="scripted party", transport="udp")
async def test_a_call_id_with_another_tag_is_another_call() -> None:
    async with exchange() as ours, party(ours.address) as ann, party(ours.address) as twin:
        twin.call_id = ann.call_id
        await ann.call()
        await twin.call()
        await ours.call(1)
        assert ours.calls[0].leg.info.signalling_id == ours.calls[1].leg.info.signalling_id
        await twin.bye()
        await (await ours.call(1)).event("ended")
        assert not ours.calls[0].all("ended")
        await ann.bye()


@pytest.mark.scenario("INV-15", peer="scripted party", transport="udp")
async def test_every_bye_is_answered_and_none_follows_the_callers() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        bye = ann.request("BYE")
        ann.raw(bye.encode())
        await ann.response(200, "BYE")
        await ann.response(200, "BYE")
        await told.event("ended")
        await told.leg.hangup()
        ann.request("BYE")
        late = await ann.expect(lambda one: one.status > 0 and one.method == "BYE", "an answer to BYE")
        assert late.status in (200, 481)
        assert not [one for one in await ann.nothing(0.3) if not one.status]
        assert len(told.all("ended")) == 1


@pytest.mark.scenario("INV-15", peer="scripted party", transport="udp")
async def test_byes_that_cross_are_both_answered() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        hanging_up = asyncio.create_task(told.leg.hangup())
        theirs = await ann.incoming("BYE")
        ann.request("BYE")
        answer = await ann.expect(lambda one: one.status > 0 and one.method == "BYE", "an answer to BYE")
        assert answer.status in (200, 481)
        ann.respond(theirs, "200 OK")
        await hanging_up
        await told.event("ended")
        assert len(told.all("ended")) == 1


@pytest.mark.scenario("INV-15", peer="scripted party", transport="udp")
async def test_a_bye_that_belongs_to_no_dialog_gets_481() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.to = f"<sip:4711@{ours.address}>;tag=nobody"
        ann.request("BYE")
        await ann.response(481, "BYE")


@pytest.mark.scenario("INV-11", peer="scripted party", transport="udp")
async def test_a_call_that_is_cancelled_before_any_response_is_told_of_and_over() -> None:
    async with exchange(lambda leg: asyncio.sleep(0)) as ours, party(ours.address) as ann:
        ann.request("INVITE", body=ann.sdp())
        cancel = ann.request("CANCEL")
        ann.raw(cancel.encode())
        await ann.response(487, "INVITE")
        ann.request("ACK", same_transaction=True)
        assert (await (await ours.call()).event("ended"))[0] == 487
        assert len(ours.calls) == 1


@pytest.mark.scenario("INV-11", peer="scripted party", transport="udp")
async def test_a_bye_while_it_rings_ends_the_call() -> None:
    async with exchange(lambda leg: asyncio.sleep(0)) as ours, party(ours.address) as ann:
        ann.request("INVITE", body=ann.sdp())
        ann.to = (await ann.response(180, "INVITE")).message.first("to")
        ann.request("BYE")
        await ann.response(200, "BYE")
        await ann.response(487, "INVITE")
        status, _, by_remote = await (await ours.call()).event("ended")
        assert by_remote
        assert status in (200, 487)
