"""A registrar of several hosts: the next is tried when one fails; and a slow name server delays nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.sip import lookup
from gateway.trunk import registration, targets
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import exchange
from tests.sip.name_server import NameServer, name_server
from tests.sip.party import party
from tests.sip.registrar import PATIENCE, Registrar, registrar
from tests.sip.test_registering import state, trunk

NEXT_HOST_SECONDS = 4


def office(**changes: object) -> dict[str, Any]:
    return {"name": "pbx", "registrar": "office.example.com", "username": "100", "password": "secret", **changes}


def serve(server: NameServer, *registrars: Registrar) -> None:
    services = [(index, 1, one.port, "sip.example.com") for index, one in enumerate(registrars)]
    server.service("_sip._udp.office.example.com", *services)
    server.address("office.example.com", "192.0.2.9")
    server.address("sip.example.com", LOOPBACK)


@pytest.mark.scenario("REG-07", peer="scripted registrar", transport="udp")
async def test_the_next_host_is_tried_when_the_first_is_silent_or_unavailable_and_the_first_is_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # earlier than the stack, which refreshes a second before the end
    monkeypatch.setattr(registration, "_REFRESH_EARLIEST", 0.2)
    monkeypatch.setattr(registration, "_REFRESH_LATEST", 0.3)
    monkeypatch.setattr(targets, "AVOIDED_SECONDS", 0.5)
    async with name_server() as server, registrar(expires=2) as first, registrar(expires=2) as second:
        monkeypatch.setattr(lookup, "make_resolver", server.resolver)
        serve(server, first, second)
        first.away = True
        async with exchange(trunks=[office(register_seconds=30)]) as ours:
            await state(ours, lambda one: one.registered)
            assert second.times[0] - first.times[0] < NEXT_HOST_SECONDS
            assert "Route:" not in second.requests[0].start_line
            assert second.requests[0].first("route") == ""
            assert second.requests[0].request_uri == "sip:office.example.com"
            first.away = False
            async with asyncio.timeout(PATIENCE):
                while not first.registered:  # noqa: ASYNC110  a request that asks for no more is not enough
                    await asyncio.sleep(0.01)
            first.answers = ["503 Service Unavailable"]
            seen = len(second.requests)
            await second.until(seen + 1)
            assert (await state(ours, lambda one: one.registered)).status == 200


@pytest.mark.scenario("REG-07", peer="scripted registrar", transport="udp, udp6")
async def test_a_name_with_addresses_of_both_families_is_reached_by_the_one_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with name_server() as server, registrar(host="::1") as pbx:
        monkeypatch.setattr(lookup, "make_resolver", server.resolver)
        serve(server, pbx)
        server.address6("sip.example.com", "::1")
        async with exchange(sip={"host": [LOOPBACK, "::1"]}, trunks=[office()]) as ours:
            await state(ours, lambda one: one.registered)
            assert "[::1]" in pbx.registered[0]


@pytest.mark.scenario("REG-08", peer="scripted name server", transport="udp")
@pytest.mark.parametrize("trouble", ["slow", "REFUSED", "NXDOMAIN"])
async def test_a_name_server_in_trouble_delays_no_other_account_and_no_call(
    monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    async with name_server() as server, registrar() as pbx:
        monkeypatch.setattr(lookup, "make_resolver", server.resolver)
        server.failure, server.delay = (None, 30.0) if trouble == "slow" else (trouble, 0.0)
        async with exchange(trunks=[office(), trunk(pbx, "local")]) as ours:
            async with asyncio.timeout(2):
                await state(ours, lambda one: one.registered, "local")
            for _ in range(3):
                async with party(ours.address) as ann, asyncio.timeout(1):
                    await ann.call()
                    await ann.bye()
            assert server.questions
            assert not ours.endpoint.registrations()["pbx"].registered
