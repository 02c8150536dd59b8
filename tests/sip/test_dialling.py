"""A call that goes from gateway to gateway until somebody answers, as the gateways see it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.call import dialling
from gateway.call.outgoing import Outgoing
from gateway.sip.call import SipCall
from tests.sip.exchange import PATIENCE, Exchange, Told, exchange
from tests.sip.party import LOOPBACK, Party, Received, party


@dataclass(slots=True)
class OutgoingCall:
    told: Told
    attempts: list[Mapping[str, Any]]

    @property
    def statuses(self) -> list[int]:
        return [attempt["status"] for attempt in self.attempts]


@asynccontextmanager
async def calling(ours: Exchange) -> AsyncIterator[OutgoingCall]:
    """We call 200 by the only trunk."""
    outgoing = Outgoing(ours.settings.outbound, list)
    async with outgoing.call(ours.endpoint, "200", trunk=None, caller="300", organisation=None) as begun:
        call = OutgoingCall(Told(begun.leg), [])
        begun.leg.attach(call.told)
        running = asyncio.create_task(begun.dialling.run(call.attempts.append))
        try:
            yield call
        finally:
            running.cancel()
            await asyncio.wait((running,))


def through(*gateways: Party, **fields: object) -> dict[str, Any]:
    """The settings of a trunk with these gateways, the first first."""
    listed = [{"host": LOOPBACK, "port": one.port, "priority": index} for index, one in enumerate(gateways, start=1)]
    trunk = {"name": "carrier", "username": "100", "gateways": listed, "qualify_seconds": 0, **fields}
    return {"trunks": [trunk]}


async def refuse(gateway: Party, status: str, *headers: str) -> Received:
    """The gateway refuses the INVITE that comes."""
    invite = await gateway.incoming("INVITE")
    gateway.respond(invite, status, headers=headers)
    await gateway.incoming("ACK")
    return invite


async def take(gateway: Party, call: OutgoingCall) -> Received:
    """The gateway answers the INVITE that comes, and hangs up."""
    invite = await gateway.incoming("INVITE")
    gateway.respond(invite, "200 OK", body=gateway.sdp())
    await gateway.incoming("ACK")
    await call.told.event("answered")
    hanging_up = asyncio.create_task(call.told.leg.hangup())
    gateway.respond(await gateway.incoming("BYE"), "200 OK")
    await hanging_up
    await call.told.event("ended")
    return invite


@pytest.mark.scenario("INV-19", peer="scripted party", transport="udp")
@pytest.mark.parametrize("status", ["408 Request Timeout", "480 Temporarily Unavailable", "503 Service Unavailable"])
async def test_the_next_gateway_has_the_call_when_one_cannot_take_it(status: str) -> None:
    async with (
        party(f"{LOOPBACK}:1") as first,
        party(f"{LOOPBACK}:1") as second,
        exchange(**through(first, second)) as ours,
        calling(ours) as call,
    ):
        before = await refuse(first, status)
        after = await take(second, call)
        assert before.message.first("call-id") != after.message.first("call-id")
        assert call.statuses == [int(status[:3])]
        assert call.attempts[0]["gateway"] == f"{LOOPBACK}:{first.port}"
        assert call.told.leg.info.signalling_id == after.message.first("call-id")
        assert len(call.told.all("ended")) == 1


@pytest.mark.scenario("INV-19", peer="scripted party", transport="udp")
@pytest.mark.parametrize(
    ("status", "header", "told"),
    [
        ("486 Busy Here", "X-None: 1", 486),
        ("603 Decline", "X-None: 1", 603),
        ("480 Temporarily Unavailable", 'Reason: Q.850;cause=17;text="User busy"', 486),
    ],
)
async def test_a_callee_who_is_busy_is_not_called_again(status: str, header: str, told: int) -> None:
    async with (
        party(f"{LOOPBACK}:1") as first,
        party(f"{LOOPBACK}:1") as second,
        exchange(**through(first, second)) as ours,
        calling(ours) as call,
    ):
        await refuse(first, status, header)
        assert (await call.told.event("ended"))[0] == told
        assert not await second.nothing(0.3)
        assert call.statuses == [told]


@pytest.mark.scenario("INV-20", peer="scripted party", transport="udp")
async def test_a_gateway_that_says_nothing_is_left_and_cancelled_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "RESPONSE_SECONDS", 0.3)
    async with (
        party(f"{LOOPBACK}:1") as first,
        party(f"{LOOPBACK}:1") as second,
        exchange(**through(first, second)) as ours,
        calling(ours) as call,
    ):
        silent = await first.incoming("INVITE")
        await take(second, call)
        assert call.statuses == [408]
        assert "CANCEL" not in {one.method for one in await first.nothing(0.1)}
        first.respond(silent, "180 Ringing")
        first.respond(await first.incoming("CANCEL"), "200 OK")
        first.respond(silent, "487 Request Terminated")


@pytest.mark.scenario("INV-20", peer="scripted party", transport="udp")
async def test_who_gives_up_before_any_response_is_done_at_once() -> None:
    async with party(f"{LOOPBACK}:1") as only, exchange(**through(only)) as ours, calling(ours) as call:
        silent = await only.incoming("INVITE")
        await call.told.leg.hangup()
        assert await call.told.event("ended") == (408, "no response", False)
        assert "CANCEL" not in {one.method for one in await only.nothing(0.2)}
        only.respond(silent, "200 OK", body=only.sdp())
        await only.incoming("ACK")
        only.respond(await only.incoming("BYE"), "200 OK")
        assert len(call.told.events) == 1


@pytest.mark.scenario("INV-11", peer="scripted party", transport="udp")
async def test_a_call_whose_caller_goes_while_it_is_sent_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, go_on = threading.Event(), threading.Event()
    send = SipCall.start

    def slowly(call: SipCall, *arguments: Any, **named: Any) -> None:
        send(call, *arguments, **named)
        sent.set()
        go_on.wait(PATIENCE)

    monkeypatch.setattr(SipCall, "start", slowly)
    async with party(f"{LOOPBACK}:1") as only, exchange(**through(only)) as ours:
        dial = asyncio.create_task(ours.endpoint.dial("200", trunk="carrier"))
        await asyncio.to_thread(sent.wait, PATIENCE)
        dial.cancel()
        await asyncio.wait((dial,))
        go_on.set()
        assert dial.cancelled()
        invite = await only.incoming("INVITE")
        only.respond(invite, "180 Ringing")
        only.respond(await only.incoming("CANCEL"), "200 OK")
        only.respond(invite, "487 Request Terminated")
        await only.incoming("ACK")


@pytest.mark.scenario("INV-17", peer="scripted party", transport="udp")
async def test_redirections_are_followed_in_the_order_of_q_to_the_trunks_hosts_alone() -> None:
    async with (
        party(f"{LOOPBACK}:1") as first,
        party(f"{LOOPBACK}:1") as second,
        party(f"{LOOPBACK}:1") as stranger,
        exchange(**through(first, redirects=2)) as ours,
        calling(ours) as call,
    ):
        contacts = (
            f"Contact: <sip:premium@localhost:{stranger.port}>;q=1.0, <sip:late@{LOOPBACK}:{first.port}>;q=0.1,"
            f" <sip:desk@{LOOPBACK}:{second.port}>;q=0.9"
        )
        await refuse(first, "302 Moved Temporarily", contacts)
        invite = await take(second, call)
        assert invite.message.request_uri == f"sip:desk@{LOOPBACK}:{second.port}"
        assert call.statuses == [302]
        assert not await stranger.nothing(0.1)


@pytest.mark.scenario("INV-17", peer="scripted party", transport="udp")
async def test_a_loop_of_redirections_ends_after_five() -> None:
    async with (
        party(f"{LOOPBACK}:1") as only,
        exchange(**through(only, redirects=5)) as ours,
        calling(ours) as call,
    ):
        for hop in range(6):
            await refuse(only, "302 Moved Temporarily", f"Contact: <sip:{hop}@{LOOPBACK}:{only.port}>")
        assert (await call.told.event("ended"))[0] == 302
        assert not await only.nothing(0.2)
        assert call.statuses == [302] * 6


@pytest.mark.scenario("INV-17", peer="scripted party", transport="udp")
async def test_without_the_setting_no_redirection_is_followed() -> None:
    async with party(f"{LOOPBACK}:1") as only, exchange(**through(only)) as ours, calling(ours) as call:
        await refuse(only, "302 Moved Temporarily", f"Contact: <sip:200@{LOOPBACK}:{only.port}>")
        assert (await call.told.event("ended"))[0] == 302
        assert not await only.nothing(0.2)
