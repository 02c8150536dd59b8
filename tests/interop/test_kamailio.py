"""Kamailio as it is configured in `deploy/kamailio`: registrar, proxy that challenges calls, dispatcher, forks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.sip.headers import SipMessage
from tests.peers.certificates import Authority
from tests.peers.kamailio import REALM, Kamailio, KamailioPlan, running_kamailio
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.softphone import Softphone, SoftphonePlan, running_softphone
from tests.sip.echo import echoed
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.gateway_double import GatewayDouble, gateway_double
from tests.sip.party import Party, party
from tests.sip.test_registering import state

TRANSPORTS = ("udp", "tcp", "tls")
PASSWORDS = {"ann": "for-ann", **{f"parley-{transport}": f"for-{transport}" for transport in TRANSPORTS}}
pytestmark = [pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="module")]


def everywhere(scenario: str) -> pytest.MarkDecorator:
    """The test once by each transport."""
    return pytest.mark.parametrize(
        "transport",
        [
            pytest.param(one, marks=pytest.mark.scenario(scenario, peer="Kamailio 5.6", transport=one))
            for one in TRANSPORTS
        ],
    )


@dataclass(frozen=True, slots=True)
class House:
    """Parley at Kamailio by three transports. The first Parley machine and the first carrier of its list are `dead`."""

    ours: Exchange
    kamailio: Kamailio
    dead: str
    carrier: GatewayDouble


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("kamailio")
    authority, port, dead = Authority(folder), free_port(), f"{LOOPBACK}:{free_port()}"
    async with gateway_double() as carrier, AsyncExitStack() as stack:
        plan = KamailioPlan(
            folder,
            parleys=[dead, f"{LOOPBACK}:{port}"],
            carriers=[dead, carrier.name],
            users=PASSWORDS,
            certificate=authority.issue("kamailio", hosts=[LOOPBACK]),
            ca_file=authority.ca_file,
        )
        kamailio = await stack.enter_async_context(running_kamailio(plan))
        trunks = [
            {
                "name": transport, "registrar": f"{LOOPBACK}:{plan.tls_port if transport == 'tls' else plan.sip_port}",
                "username": f"parley-{transport}", "password": PASSWORDS[f"parley-{transport}"], "domain": REALM,
                "transport": transport, "tls": {"ca_file": str(authority.ca_file)},
            }
            for transport in TRANSPORTS
        ]  # fmt: skip
        for trunk in trunks[:2]:
            del trunk["tls"]
        ours = await stack.enter_async_context(exchange(sip={"port": port}, trunks=trunks))
        yield House(ours, kamailio, dead, carrier)


@pytest_asyncio.fixture(loop_scope="module")
async def ann(house: House, tmp_path: Path) -> AsyncIterator[Softphone]:
    """A telephone that is registered at Kamailio."""
    folder = tmp_path / "ann"
    plan = SoftphonePlan(folder, user="ann", domain=house.kamailio.address, password=PASSWORDS["ann"])
    async with running_softphone(plan) as phone:
        yield phone


async def dialled(house: House, number: str, trunk: str) -> Told:
    leg = await house.ours.endpoint.dial(number, trunk=trunk)
    told = Told(leg)
    leg.attach(told)
    return told


async def finished(told: Told) -> None:
    await told.leg.hangup()
    await told.event("ended")


@everywhere("REG-01")
async def test_a_trunk_registers_with_its_password(house: House, transport: str) -> None:
    await state(house.ours, lambda one: one.registered, transport)
    contact = await house.kamailio.registered(f"parley-{transport}")
    assert (f"transport={transport}" in contact.lower()) is (transport != "udp")


@everywhere("INV-02")
async def test_a_call_that_is_challenged_reaches_a_registered_telephone_and_is_heard(
    house: House, ann: Softphone, transport: str
) -> None:
    await state(house.ours, lambda one: one.registered, transport)
    told = await dialled(house, "ann", transport)
    await ann.wait_for("incoming")
    ann.answer()
    await ann.wait_for("answered")
    ann.echo(1.0)
    assert await echoed(told.leg, told)
    await finished(told)
    await ann.wait_for("ended")


@everywhere("INV-02")
async def test_a_telephone_calls_a_registered_trunk(house: House, ann: Softphone, transport: str) -> None:
    await state(house.ours, lambda one: one.registered, transport)
    known = len(house.ours.calls)
    ann.dial(f"sip:parley-{transport}@{house.kamailio.address}")
    told = await house.ours.call(known)
    assert told.leg.info.trunk == transport
    await ann.wait_for("answered")
    ann.echo(1.0)
    assert await echoed(told.leg, told)
    ann.hang_up()
    await told.event("ended")


@pytest.mark.scenario("TRK-02", peer="Kamailio 5.6", transport="udp")
async def test_a_call_goes_to_the_next_machine_when_the_first_is_dead(house: House, ann: Softphone) -> None:
    await house.kamailio.until_state(house.dead, "I")
    await house.kamailio.until_state(house.ours.address, "A")
    for flag in ("i", "a"):  # known to be dead, and not known yet
        await house.kamailio.command("dispatcher.set_state", flag, "1", f"sip:{house.dead}")
        known = len(house.ours.calls)
        ann.dial(f"sip:700@{house.kamailio.address}")
        told = await house.ours.call(known)
        assert told.leg.info.number == "700"
        await ann.wait_for("answered")
        ann.hang_up()
        await told.event("ended")


@pytest.mark.scenario("INV-19", peer="Kamailio 5.6", transport="udp")
async def test_a_call_goes_to_the_next_carrier_when_the_first_is_dead_and_its_refusal_comes_back(house: House) -> None:
    told = await dialled(house, "+15551234567", "udp")
    invite = await house.carrier.request("INVITE")
    assert invite.request_uri.startswith("sip:+15551234567@")
    assert not invite.first("proxy-authorization"), "the password stays with Kamailio"
    assert (await told.event("ended"))[0] == 486


@pytest.mark.scenario("INV-13", peer="Kamailio 5.6", transport="udp")
async def test_of_three_telephones_that_answer_at_once_one_has_the_call(house: House) -> None:
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(party(house.kamailio.address)) for _ in range(3)]
        for phone in phones:
            await house.kamailio.add_contact("100", f"sip:ann@{LOOPBACK}:{phone.port}")
        told = await dialled(house, "100", "udp")
        invites = [await phone.incoming("INVITE") for phone in phones]
        for phone, invite in zip(phones, invites, strict=True):
            phone.respond(invite, "200 OK", headers=record_route(invite.message), body=phone.sdp())
        await told.event("answered")
        ends = [asyncio.create_task(_taken_down(phone)) for phone in phones]
        left = set(ends)
        while len(left) > 1:
            _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED, timeout=8)
        (winner,) = left
        await asyncio.wait_for(phones[ends.index(winner)].rtp_received.get(), 3)
        await told.leg.hangup()
        await told.event("ended")
        await winner


def record_route(message: SipMessage) -> tuple[str, ...]:
    """A proxy that wants to stay in the dialog is found in the answer."""
    return tuple(f"Record-Route: {value}" for value in message.all("record-route"))


async def _taken_down(phone: Party) -> None:
    phone.respond(await phone.incoming("BYE"), "200 OK")
