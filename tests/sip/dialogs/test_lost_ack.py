"""Our 200 is repeated until its ACK comes (RFC 3261 section 13.3.1.4); without any the call ends (RFC 6026)."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.sip.dialogs.stream import listening, media, speaking
from tests.sip.exchange import Exchange
from tests.sip.party import Party, party

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-12", peer="scripted party", transport="udp"),
]
LATEST = 32.0
"""64 T1."""


async def survives(ours: Exchange, lost: int) -> float:
    """A call whose first ACKs are lost: the caller sends one for each 200 (RFC 3261 section 13.2.2.4). How long after
    the first 200 it was answered."""
    async with party(ours.address) as ann:
        ann.patience = LATEST
        ann.request("INVITE", body=ann.sdp())
        answer = await ann.response(200, "INVITE")
        began = time.monotonic()
        for _ in range(lost):
            again = await ann.response(200, "INVITE")
            assert (again.message, again.body) == (answer.message, answer.body)
        ann.request("ACK")
        told = next(told for told in ours.calls if told.leg.info.signalling_id == ann.call_id)
        await told.event("answered")
        waited = time.monotonic() - began
        ann.request("ACK")
        async with listening(ann) as ear, speaking(ann, media(answer)):
            await told.until(lambda one: any(any(frame.caller) for frame in one.frames), "the caller's audio")
            await asyncio.sleep(0.1)
        assert ear.packets
        assert not any(one.status == 200 and one.method == "INVITE" for one in await ann.nothing(0))
        await ann.bye()
        return waited


async def test_calls_survive_the_loss_of_an_ack_or_two(ours: Exchange) -> None:
    waits = await asyncio.gather(*[survives(ours, lost) for lost in (0, 1, 2)])
    assert waits == sorted(waits)


async def test_an_answer_to_a_reinvite_is_repeated_too(ours: Exchange, ann: Party) -> None:
    await ann.call()
    told = await ours.call()
    await told.event("answered")
    ann.request("INVITE", body=ann.sdp())
    for _ in range(2):
        await ann.response(200, "INVITE")
    ann.request("ACK")
    assert not told.all("ended")
    await ann.bye()


async def test_a_repeated_answer_to_our_call_gets_its_ack_again(ours: Exchange, ann: Party) -> None:
    leg = await ours.endpoint.dial(f"sip:bob@127.0.0.1:{ann.port}")
    invite = await ann.incoming("INVITE")
    ann.called(invite)
    answer = ann.sdp()
    for _ in range(3):
        ann.respond(invite, "200 OK", body=answer)
        await ann.incoming("ACK")
    await leg.hangup()


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_calls_survive_five_lost_acks_and_end_after_32_s_without_any(ours: Exchange) -> None:
    async def without_any() -> float:
        async with party(ours.address) as ann:
            ann.patience = LATEST + 8
            ann.request("INVITE", body=ann.sdp())
            await ann.response(200, "INVITE")
            began = time.monotonic()
            await ann.incoming("BYE")
            waited = time.monotonic() - began
            told = next(told for told in ours.calls if told.leg.info.signalling_id == ann.call_id)
            assert (await told.event("ended"))[2] is False
            return waited

    ended, *waits = await asyncio.gather(without_any(), *[survives(ours, lost) for lost in range(1, 6)])
    print(f"answered after {[round(one, 1) for one in waits]} s, BYE after {ended:.2f} s")
    assert abs(ended - LATEST) < 1
