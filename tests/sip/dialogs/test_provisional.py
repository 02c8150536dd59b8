"""Provisional responses that are confirmed by PRACK (RFC 3262), and those that are not."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from gateway.call.leg import Leg
from tests.sip.dialogs.trunked import dial, set_trunk
from tests.sip.exchange import Exchange
from tests.sip.party import Party, Received

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-09", peer="scripted party", transport="udp"),
]

OFFER = "v=0\r\no=ann 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"


@pytest_asyncio.fixture(loop_scope="module")
async def may_answer(ours: Exchange) -> asyncio.Event:
    """We ring until this is set."""
    allowed = asyncio.Event()

    async def answer(leg: Leg) -> None:
        await allowed.wait()
        await leg.answer()

    ours.answering = answer
    return allowed


async def rung(ann: Party, *headers: str) -> Received:
    """INVITE (sequence number 1) to the first answer that says something; what follows goes to its contact."""
    ann.request("INVITE", body=OFFER.format(port=ann.rtp_port), headers=headers)
    ringing = await ann.expect(lambda one: one.status > 100 and one.method == "INVITE", "180")
    ann.to = ringing.message.first("to")
    if ringing.status < 200:
        contact = ringing.message.first("contact")
        ann.remote = contact[contact.index("<") + 1 : contact.index(">")]
    return ringing


async def prack(ann: Party, response: int, invite: int) -> int:
    """The status of the answer to a PRACK for this response of that INVITE."""
    ann.request("PRACK", headers=(f"RAck: {response} {invite} INVITE",))
    return (await ann.expect(lambda one: one.status > 0 and one.method == "PRACK", "an answer to PRACK")).status


async def answered(ours: Exchange, ann: Party, invite: int = 1) -> None:
    """The 200 to its ACK, and the call's end."""
    await ann.response(200, "INVITE")
    ann.acknowledge(invite)
    await (await ours.call()).event("answered")
    await ann.bye()


def sequence(ringing: Received) -> int:
    return int(ringing.message.first("rseq"))


@pytest.mark.parametrize("headers", [(), ("Supported: 100rel",)], ids=["absent", "supported"])
async def test_who_does_not_require_it_is_rung_without(
    ours: Exchange, ann: Party, may_answer: asyncio.Event, headers: tuple[str, ...]
) -> None:
    ringing = await rung(ann, *headers)
    assert not ringing.message.first("rseq")
    may_answer.set()
    await answered(ours, ann)


async def test_a_trunk_may_want_it_wherever_it_can_be_had(
    ours: Exchange, ann: Party, may_answer: asyncio.Event
) -> None:
    await set_trunk(ours, ann, prack="optional")
    ringing = await rung(ann, "Supported: 100rel")
    assert ringing.message.first("require") == "100rel"
    assert await prack(ann, sequence(ringing), 1) == 200
    may_answer.set()
    await answered(ours, ann)


async def test_a_trunk_that_requires_it_refuses_who_cannot(ours: Exchange, ann: Party) -> None:
    await set_trunk(ours, ann, prack="required")
    refused = await rung(ann)
    assert (refused.status, refused.message.first("require")) == (421, "100rel")
    ann.request("ACK", same_transaction=True)


async def test_a_response_is_repeated_until_it_is_confirmed(
    ours: Exchange, ann: Party, may_answer: asyncio.Event
) -> None:
    ringing = await rung(ann, "Require: 100rel")
    again = await ann.response(180, "INVITE")
    assert sequence(again) == sequence(ringing)
    assert await prack(ann, sequence(ringing), 1) == 200
    assert not [one for one in await ann.nothing(1.2) if one.status == 180]
    may_answer.set()
    await answered(ours, ann)


async def test_a_prack_for_another_response_or_invite_is_refused(
    ours: Exchange, ann: Party, may_answer: asyncio.Event
) -> None:
    ringing = await rung(ann, "Require: 100rel")
    assert await prack(ann, sequence(ringing) + 1, 1) == 481
    assert await prack(ann, sequence(ringing), 7) == 481
    assert await prack(ann, sequence(ringing), 1) == 200
    may_answer.set()
    await answered(ours, ann)


async def test_a_prack_where_nothing_is_to_be_confirmed_is_refused(
    ours: Exchange, ann: Party, may_answer: asyncio.Event
) -> None:
    await rung(ann)
    assert await prack(ann, 1, 1) in (400, 481)
    may_answer.set()
    await answered(ours, ann)


async def test_an_answer_does_not_wait_for_a_lost_prack(ours: Exchange, ann: Party, may_answer: asyncio.Event) -> None:
    await rung(ann, "Require: 100rel")
    may_answer.set()
    await answered(ours, ann)


async def test_a_prack_that_crosses_the_answer_is_good(ours: Exchange, ann: Party, may_answer: asyncio.Event) -> None:
    ringing = await rung(ann, "Require: 100rel")
    may_answer.set()
    await ann.response(200, "INVITE")
    assert await prack(ann, sequence(ringing), 1) == 200
    ann.acknowledge(1)
    await (await ours.call()).event("answered")
    await ann.bye()


async def test_a_prack_after_cancel_is_good_and_the_call_is_gone(
    ours: Exchange, ann: Party, may_answer: asyncio.Event
) -> None:
    ringing = await rung(ann, "Require: 100rel")
    remote, ann.remote, ann.to = ann.remote, "", ""
    ann.request("CANCEL", same_transaction=True)
    await ann.response(200, "CANCEL")
    await ann.response(487, "INVITE")
    ann.request("ACK", same_transaction=True)
    ann.remote = remote
    assert await prack(ann, sequence(ringing), 1) == 200
    await (await ours.call()).event("ended")


@pytest.mark.parametrize(
    ("required", "unsupported"),
    [("precondition", "precondition"), ("100rel, foo", "foo"), ("foo, bar", "foo, bar")],
)
async def test_an_extension_that_we_lack_is_named(ours: Exchange, ann: Party, required: str, unsupported: str) -> None:
    refused = await rung(ann, f"Require: {required}")
    assert refused.status == 420
    assert refused.message.first("unsupported") == unsupported
    ann.request("ACK", same_transaction=True)
    assert not ours.calls


@pytest.mark.parametrize("setting", ["off", "optional", "required"])
async def test_what_we_ask_of_whom_we_call(ours: Exchange, ann: Party, setting: str) -> None:
    await set_trunk(ours, ann, prack=setting)
    told, invite = await dial(ours, ann)
    assert ("100rel" in invite.message.first("require")) == (setting == "required")
    assert "100rel" in invite.message.first("supported")
    ann.respond(invite, "180 Ringing", headers=("Require: 100rel", "RSeq: 4"))
    confirmed = await ann.incoming("PRACK")
    assert confirmed.message.first("rack") == f"4 {invite.message.first('cseq')}"
    ann.respond(confirmed, "200 OK")
    ann.respond(invite, "180 Ringing", headers=("Require: 100rel", "RSeq: 4"))
    ann.respond(invite, "183 Session Progress", headers=("Require: 100rel", "RSeq: 5"))
    confirmed = await ann.incoming("PRACK")
    assert confirmed.message.first("rack").startswith("5 "), "a repeated response is not confirmed again"
    ann.respond(confirmed, "200 OK")
    ann.respond(invite, "200 OK", body=ann.sdp())
    await ann.incoming("ACK")
    await told.event("answered")
    await told.leg.hangup()


async def test_hanging_up_while_our_prack_is_lost(ours: Exchange, ann: Party) -> None:
    await set_trunk(ours, ann)
    told, invite = await dial(ours, ann)
    ann.respond(invite, "180 Ringing", headers=("Require: 100rel", "RSeq: 9"))
    await ann.incoming("PRACK")
    hanging_up = asyncio.create_task(told.leg.hangup())
    ann.respond(await ann.incoming("CANCEL"), "200 OK")
    ann.respond(invite, "487 Request Terminated")
    await hanging_up
    assert (await told.event("ended"))[0] == 487


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_a_response_that_is_never_confirmed_ends_the_call_after_32_s(
    ours: Exchange, ann: Party, may_answer: asyncio.Event
) -> None:
    ann.patience = 40
    began = asyncio.get_running_loop().time()
    await rung(ann, "Require: 100rel")
    await ann.response(504, "INVITE")
    waited = asyncio.get_running_loop().time() - began
    print(f"504 after {waited:.2f} s")
    assert abs(waited - 32) < 1
    ann.request("ACK", same_transaction=True)
