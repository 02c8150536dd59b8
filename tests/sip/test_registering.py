"""Trunks that register, on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.sip.headers import parse_address, parse_uri
from gateway.trunk import backoff
from gateway.trunk.registration import RegistrationState
from tests.peers.ports import LOOPBACK, free_port
from tests.sip.exchange import Exchange, exchange
from tests.sip.party import party
from tests.sip.registrar import Registrar, registrar


def trunk(at: Registrar, name: str = "pbx", **changes: object) -> dict[str, object]:
    registrar_address = f"{LOOPBACK}:{at.port}"
    return {"name": name, "registrar": registrar_address, "username": "100", "password": "secret", **changes}


async def state(ours: Exchange, reached: Callable[[RegistrationState], bool], name: str = "pbx") -> RegistrationState:
    """The trunk's state once it is as wanted. :raises TimeoutError: when it does not become so."""
    async with asyncio.timeout(10):
        while not reached(ours.endpoint.registrations()[name]):  # noqa: ASYNC110  the state has no event
            await asyncio.sleep(0.01)
    return ours.endpoint.registrations()[name]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off in tenths of a second."""
    monkeypatch.setattr(backoff, "BASE_SECONDS", 0.2)
    monkeypatch.setattr(backoff, "REFUSED_SECONDS", 0.3)


async def test_it_registers_with_digest_and_unregisters_at_the_end() -> None:
    async with registrar() as pbx:
        async with exchange(trunks=[trunk(pbx)]) as ours:
            reached = await state(ours, lambda one: one.registered)
            assert (reached.status, reached.expires_seconds, reached.failures) == (200, 300, 0)
            contact = parse_uri(parse_address(pbx.registered[0]).uri)
            assert contact is not None
            assert f"{contact.host}:{contact.port}" == ours.address
        await asyncio.sleep(0.05)
        assert pbx.requests[-1].first("expires") == "0"


async def test_it_refreshes_before_the_registration_ends() -> None:
    async with registrar(expires=3) as pbx, exchange(trunks=[trunk(pbx, register_seconds=30)]) as ours:
        await state(ours, lambda one: one.registered)
        await pbx.until(3)
        assert (await state(ours, lambda one: one.registered)).failures == 0


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("failure", ["503 Service Unavailable", "403 Forbidden", "500 Server Error"])
async def test_it_never_gives_up(failure: str) -> None:
    async with registrar(answers=[failure] * 3) as pbx, exchange(trunks=[trunk(pbx)]) as ours:
        failed = await state(ours, lambda one: one.status == int(failure[:3]))
        assert not failed.registered
        assert (await state(ours, lambda one: one.registered)).status == 200


async def test_a_wrong_password_is_told_and_not_hammered() -> None:
    async with registrar() as pbx, exchange(trunks=[trunk(pbx, password="wrong")]) as ours:
        failed = await state(ours, lambda one: one.failures > 0)
        assert (failed.registered, failed.status) == (False, 403)
        seen = len(pbx.requests)
        await asyncio.sleep(0.5)
        assert len(pbx.requests) == seen


async def test_a_registrar_asks_for_patience() -> None:
    patience = "503 Service Unavailable;Retry-After: 120"
    async with registrar(answers=[patience]) as pbx, exchange(trunks=[trunk(pbx)]) as ours:
        await state(ours, lambda one: one.failures > 0)
        seen = len(pbx.requests)
        await asyncio.sleep(2.5)
        assert len(pbx.requests) == seen


async def test_a_call_by_the_trunk_is_known_by_its_line_and_carries_the_dialled_number() -> None:
    async with registrar() as pbx, exchange(trunks=[trunk(pbx)]) as ours, party(ours.address) as ann:
        await state(ours, lambda one: one.registered)
        ann.remote = parse_address(pbx.registered[0]).uri
        ann.to = "<sip:5551234@pbx>"
        await ann.call()
        info = (await ours.call()).leg.info
        assert (info.trunk, info.number, info.called) == ("pbx", "5551234", "sip:5551234@pbx")
        await ann.bye()


async def test_a_call_to_the_trunks_user_from_elsewhere_is_not_the_trunks() -> None:
    elsewhere = f"127.0.0.2:{free_port()}"
    async with (
        registrar() as pbx,
        exchange(trunks=[trunk(pbx, registrar=elsewhere)]) as ours,
        party(ours.address) as ann,
    ):
        ann.user = "100"
        await ann.call()
        assert (await ours.call()).leg.info.trunk is None
        await ann.bye()


async def test_two_trunks_at_one_registrar() -> None:
    async with registrar() as pbx:
        trunks: list[Any] = [trunk(pbx, "a"), trunk(pbx, "b", username="200")]
        async with exchange(trunks=trunks) as ours, party(ours.address) as ann:
            await state(ours, lambda one: one.registered, "a")
            await state(ours, lambda one: one.registered, "b")
            contacts = {uri.user: uri for contact in pbx.registered if (uri := parse_uri(parse_address(contact).uri))}
            assert set(contacts) == {"100", "200"}
            ann.remote = next(parse_address(one).uri for one in pbx.registered if "200@" in one)
            await ann.call()
            assert (await ours.call()).leg.info.trunk == "b"
            await ann.bye()
