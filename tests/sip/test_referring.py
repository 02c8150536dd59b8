"""REFER from us, followed to its outcome (RFC 3515, 4488), by Replaces too (RFC 3891); and REFER to us."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote

import pytest
import pytest_asyncio

from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.party import Party, Received, party

NOTIFY = "Content-Type: message/sipfrag;version=2.0"
TARGET = "sip:sales@127.0.0.1"
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-16", peer="scripted party", transport="udp"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ours() -> AsyncIterator[Exchange]:
    async with exchange() as running:
        yield running


@asynccontextmanager
async def call(ours: Exchange) -> AsyncIterator[tuple[Told, Party]]:
    async with party(ours.address) as ann:
        index = len(ours.calls)
        await ann.call()
        told = await ours.call(index)
        await told.event("answered")
        yield told, ann


async def refer(told: Told, ann: Party) -> Received:
    """A REFER that is accepted."""
    await told.leg.transfer(TARGET)
    request = await ann.incoming("REFER")
    assert request.message.first("refer-to").strip("<>") == TARGET
    ann.respond(request, "202 Accepted")
    return request


async def notify(ann: Party, fragment: str, state: str) -> None:
    ann.request("NOTIFY", body=fragment, headers=("Event: refer", f"Subscription-State: {state}", NOTIFY))
    await ann.response(200, "NOTIFY")


@pytest.mark.parametrize(
    ("final", "ok"),
    [("200 OK", True), ("486 Busy Here", False), ("603 Decline", False), ("180 Ringing", False)],
    ids=["answered", "busy", "declined", "given up while it rings"],
)
async def test_a_transfer_is_followed_to_its_final_notify(ours: Exchange, final: str, ok: bool) -> None:
    async with call(ours) as (told, ann):
        await refer(told, ann)
        await notify(ann, "SIP/2.0 100 Trying\r\n", "active;expires=60")
        await notify(ann, "SIP/2.0 180 Ringing\r\n", "active;expires=60")
        assert not told.all("transfer")
        await notify(ann, f"SIP/2.0 {final}\r\n", "terminated;reason=noresource")
        assert await told.event("transfer") == (ok, final)
        await ann.bye()
        assert len(told.all("transfer")) == 1


@pytest.mark.parametrize("status", ["603 Decline", "405 Method Not Allowed", "403 Forbidden"])
async def test_a_refer_that_is_refused_is_told_and_the_call_goes_on(ours: Exchange, status: str) -> None:
    async with call(ours) as (told, ann):
        await told.leg.transfer(TARGET)
        ann.respond(await ann.incoming("REFER"), status)
        assert await told.event("transfer") == (False, status)
        assert not told.all("ended")
        await ann.bye()


async def test_a_refer_accepted_without_a_subscription_has_worked(ours: Exchange) -> None:
    async with call(ours) as (told, ann):
        await told.leg.transfer(TARGET)
        ann.respond(await ann.incoming("REFER"), "202 Accepted", headers=("Refer-Sub: false",))
        assert (await told.event("transfer"))[0] is True
        await ann.bye()


async def test_a_bye_after_the_refer_was_accepted_is_a_transfer(ours: Exchange) -> None:
    """Many PBXes hang up as soon as they have taken the call over."""
    async with call(ours) as (told, ann):
        await refer(told, ann)
        await asyncio.sleep(0.05)
        await ann.bye()
        await told.event("ended")
        assert [name for name, _ in told.events] == ["answered", "transfer", "ended"]
        assert told.all("transfer")[0][0] is True


async def test_a_bye_before_the_refer_was_accepted_is_none(ours: Exchange) -> None:
    async with call(ours) as (told, ann):
        await told.leg.transfer(TARGET)
        await ann.incoming("REFER")
        await ann.bye()
        await told.event("ended")
        assert told.all("transfer")[0][0] is False


async def test_nothing_after_the_refer_was_accepted_leaves_the_call_and_lets_it_be_tried_again(ours: Exchange) -> None:
    async with call(ours) as (told, ann):
        await refer(told, ann)
        await told.leg.give_up_transfer()
        assert not told.all("transfer")
        await refer(told, ann)
        await notify(ann, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
        assert await told.event("transfer") == (True, "200 OK")
        await ann.bye()


async def test_hanging_up_after_a_transfer_was_given_up_is_no_transfer(ours: Exchange) -> None:
    async with call(ours) as (told, ann):
        await refer(told, ann)
        await told.leg.give_up_transfer()
        await ann.bye()
        await told.event("ended")
        assert not told.all("transfer")


async def test_a_late_success_is_told_though_it_was_given_up(ours: Exchange) -> None:
    async with call(ours) as (told, ann):
        await refer(told, ann)
        await told.leg.give_up_transfer()
        await notify(ann, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
        assert await told.event("transfer") == (True, "200 OK")
        await ann.bye()


async def test_an_attended_transfer_names_the_other_dialog(ours: Exchange) -> None:
    async with call(ours) as (told, ann), call(ours) as (other, bob):
        await told.leg.transfer_to(other.leg, {"X-Case": "42"})
        request = await ann.incoming("REFER")
        replaces = re.search(r"Replaces=([^>&]+)", request.message.first("refer-to"))
        assert replaces is not None
        call_id, *tags = unquote(replaces[1]).split(";")
        assert call_id == bob.call_id
        ours_tag = bob.to.rpartition("tag=")[2]
        assert {tag.lower() for tag in tags} >= {f"to-tag={bob.tag}", f"from-tag={ours_tag}"}
        assert request.message.first("x-case") == "42"
        ann.respond(request, "202 Accepted")
        await notify(ann, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
        assert await told.event("transfer") == (True, "200 OK")
        await ann.bye()
        await bob.bye()


async def test_the_far_end_may_not_send_us_elsewhere_and_is_not_told_so(ours: Exchange) -> None:
    async with call(ours) as (told, ann):
        ann.request("OPTIONS")
        allowed = (await ann.response(200, "OPTIONS")).message.first("allow")
        assert "REFER" not in allowed
        assert {"INVITE", "UPDATE", "NOTIFY", "INFO", "OPTIONS"} <= set(allowed.split(", "))
        ann.request("REFER", headers=("Refer-To: <sip:premium@127.0.0.1:9>",))
        await ann.response(603, "REFER")
        assert not told.all("ended")
        await ann.bye()
