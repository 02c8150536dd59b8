"""Credentials in REGISTER requests, as a registrar computes them for itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.sip.exchange import exchange
from tests.sip.registrar import Registrar, registrar
from tests.sip.test_registering import state, trunk

_QOP = ('qop="auth"', 'qop="auth,auth-int"', "")
_OPAQUE = ("", 'opaque="abc=/+"')
_REALMS = ("pbx", r"a \"quoted\" realm", "Zürich")
ORDERS: dict[str, tuple[tuple[str, ...], str]] = {
    "MD5": (("MD5",), "MD5"),
    "SHA-256": (("SHA-256",), "SHA-256"),
    "SHA-512-256": (("SHA-512-256",), "SHA-512-256"),
    "the strongest first": (("SHA-512-256", "SHA-256", "MD5"), "SHA-512-256"),
    "SHA-256 before MD5": (("SHA-256", "MD5"), "SHA-256"),
    "what is not known first": (("SHA-3-256", "SHA-256", "MD5"), "SHA-256"),
}


@pytest.mark.scenario("REG-01", peer="scripted registrar", transport="udp")
@pytest.mark.parametrize("order", ORDERS)
async def test_it_registers_with_the_first_digest_that_it_knows_of_those_that_are_offered(order: str) -> None:
    offered, expected = ORDERS[order]
    cases = [(qop, opaque, realm) for qop in _QOP for opaque in _OPAQUE for realm in _REALMS]
    registrars: list[Registrar] = []
    async with asyncio.TaskGroup() as group:
        done = asyncio.Event()

        async def open_one(qop: str, opaque: str, realm: str) -> None:
            async with registrar(qop=qop, opaque=opaque, realm=realm, algorithms=offered) as one:
                registrars.append(one)
                await done.wait()

        for case in cases:
            group.create_task(open_one(*case))
        while len(registrars) < len(cases):  # noqa: ASYNC110  started above
            await asyncio.sleep(0)
        trunks: list[dict[str, Any]] = [trunk(one, f"t{index}") for index, one in enumerate(registrars)]
        async with exchange(trunks=trunks) as ours:
            for one in trunks:
                await state(ours, lambda known: known.registered or known.failures > 0, str(one["name"]))
            states = ours.endpoint.registrations()
            failed = [cases[index] for index in range(len(cases)) if not states[f"t{index}"].registered]
            assert failed == []
            assert {algorithm for one in registrars for algorithm in one.used} == {expected}
        done.set()


@pytest.mark.scenario("REG-02", peer="scripted registrar", transport="udp")
async def test_a_stale_nonce_costs_one_more_request_and_no_registration() -> None:
    async with registrar(rotates=True, expires=1) as pbx, exchange(trunks=[trunk(pbx)]) as ours:
        await pbx.until(12)
        assert (await state(ours, lambda one: one.registered)).failures == 0
        accepted = len(pbx.registered)
        assert len(pbx.requests) in (2 * accepted, 2 * accepted + 1)


@pytest.mark.scenario("REG-04", peer="scripted registrar", transport="udp")
async def test_a_registration_that_is_too_short_is_asked_for_again_at_once_with_the_registrars_time() -> None:
    too_brief = "423 Interval Too Brief;Min-Expires: 1800"
    async with registrar(expires=1800, answers=[too_brief]) as pbx, exchange(trunks=[trunk(pbx)]) as ours:
        reached = await state(ours, lambda one: one.registered or one.failures > 0)
        assert (reached.registered, reached.expires_seconds, reached.failures) == (True, 1800, 0)
        assert [one.first("expires") for one in pbx.requests if one.first("authorization")] == ["300", "1800"]
