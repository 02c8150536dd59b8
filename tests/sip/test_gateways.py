"""Trunks without a registration: gateways that are asked and called, and trunks that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import LegError, SetupError
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import TrunkState
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.gateway_double import GatewayDouble, gateway_double
from tests.sip.party import party
from tests.sip.registrar import registrar


def carrier(*gateways: GatewayDouble, **changes: object) -> dict[str, Any]:
    hosts = [
        {"host": LOOPBACK, "port": one.port, "priority": index, "inbound": False} for index, one in enumerate(gateways)
    ]
    return {"name": "carrier", "gateways": hosts, "qualify_seconds": 1, **changes}


async def until(ours: Exchange, reached: Callable[[TrunkState], bool], name: str = "carrier") -> TrunkState:
    async with asyncio.timeout(10):
        # the state has no event
        while not (state := ours.endpoint.trunk_states().get(name)) or not reached(state):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return state


def answers(gateway: GatewayDouble, status: int) -> Callable[[TrunkState], bool]:
    return lambda one: one.gateways[gateway.name].status == status


async def dialled(ours: Exchange, **options: Any) -> Told:
    leg = await ours.endpoint.dial("+15551234", trunk="carrier", **options)
    told = Told(leg)
    leg.attach(told)
    return told


@pytest.mark.scenario("TRK-02", peer="scripted gateway", transport="udp")
async def test_a_gateway_that_stops_answering_is_down_and_calls_go_to_the_next() -> None:
    async with gateway_double() as first, gateway_double() as second, exchange(trunks=[carrier(first, second)]) as ours:
        await until(ours, lambda one: all(gateway.reachable for gateway in one.gateways.values()))
        contact = (await first.request("OPTIONS")).first("contact")
        assert ours.address in contact
        await (await dialled(ours)).event("ended")
        assert (await first.request("INVITE")).request_uri == f"sip:+15551234@{first.name}"
        first.status = None
        await until(ours, lambda one: one.gateways[first.name].reachable is False)
        await (await dialled(ours)).event("ended")
        assert (len(first.of("INVITE")), len(second.of("INVITE"))) == (1, 1)
        for status in ("405 Method Not Allowed", "483 Too Many Hops", "503 Service Unavailable"):
            first.status = status
            state = await until(ours, answers(first, int(status[:3])))
            assert state.gateways[first.name].reachable


async def test_a_call_goes_to_the_gateway_that_is_named_and_its_domain_is_the_trunks() -> None:
    async with gateway_double() as first, gateway_double() as second:
        trunk = carrier(first, second, domain="carrier.example.com", username="acme", qualify_seconds=0)
        async with exchange(trunks=[trunk]) as ours:
            assert (await (await dialled(ours, gateway=second.name)).event("ended"))[0] == 486
            invite = await second.request("INVITE")
            assert invite.request_uri == f"sip:+15551234@{second.name}"
            assert "sip:+15551234@carrier.example.com" in invite.first("to")
            assert "sip:acme@carrier.example.com" in invite.first("from")
            with pytest.raises(LegError, match="has no gateway 'h:1' that may be called"):
                await ours.endpoint.dial("1", trunk="carrier", gateway="h:1")


async def test_numbers_are_written_as_the_trunk_wants_them() -> None:
    async with gateway_double() as gateway:
        trunk = carrier(gateway, leading_plus="remove", tech_prefix="9#", caller_id="+15550001", diversion="+15550009")
        async with exchange(trunks=[trunk]) as ours:
            await (await dialled(ours)).event("ended")
            invite = await gateway.request("INVITE")
            assert invite.request_uri == f"sip:9%2315551234@{gateway.name}"
            assert "sip:15550001@" in invite.first("from")
            assert invite.first("diversion") == f"<sip:+15550009@{gateway.name}>;reason=unconditional"


async def test_trunks_come_change_and_go_while_a_call_through_another_goes_on() -> None:
    async with registrar() as pbx, gateway_double() as gateway:
        office: dict[str, Any] = {"name": "office", "registrar": f"{LOOPBACK}:{pbx.port}", "username": "100"}
        office |= {"password": "secret", "allow": [LOOPBACK]}
        async with exchange(trunks=[office]) as ours, party(ours.address) as ann:
            await until(ours, lambda one: one.usable, "office")
            await ann.call()
            assert (await ours.call()).leg.info.trunk == "office"
            requests = len(pbx.requests)
            extra = TrunkSettings.model_validate(carrier(gateway, label="Acme"))
            await ours.endpoint.set_trunks([extra])
            assert (await until(ours, lambda one: one.usable)).label == "Acme"
            await ours.endpoint.set_trunks([extra.model_copy(update={"label": "Acme Ltd"})])
            assert ours.endpoint.trunk_states()["carrier"].label == "Acme Ltd"
            with pytest.raises(SetupError, match="two trunks 'office'"):
                await ours.endpoint.set_trunks([TrunkSettings(name="office", allow=["10.0.0.1"])])
            await ours.endpoint.set_trunks([])
            assert set(ours.endpoint.trunk_states()) == {"office"}
            with pytest.raises(LegError, match="No trunk 'carrier'"):
                await ours.endpoint.dial("1", trunk="carrier")
            assert len(pbx.requests) == requests
            await ann.bye()


async def test_a_trunk_that_is_taken_away_unregisters_and_its_call_lives_on() -> None:
    async with registrar() as pbx, exchange() as ours, party(ours.address) as ann:
        office = TrunkSettings.model_validate(
            {"name": "office", "registrar": f"{LOOPBACK}:{pbx.port}", "username": "100", "password": "secret"}
        )
        await ours.endpoint.set_trunks([office])
        await until(ours, lambda one: one.usable, "office")
        ann.user = "100"
        await ann.call()
        told = await ours.call()
        assert told.leg.info.trunk == "office"
        await ours.endpoint.set_trunks([])
        async with asyncio.timeout(5):
            while pbx.requests[-1].first("expires") != "0":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        frames = len(told.frames)
        await told.until(lambda one: len(one.frames) > frames + 10, "frames")
        await ann.bye()
        await told.event("ended")
