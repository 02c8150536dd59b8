"""A Parley machine that drains, and a Kamailio that goes away and comes back without what it knew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.peers.kamailio import REALM, KamailioPlan, running_kamailio
from tests.peers.ports import LOOPBACK, free_port
from tests.sip.exchange import exchange
from tests.sip.test_registering import state


@pytest.mark.scenario("TRK-02", peer="Kamailio 5.6", transport="udp")
async def test_a_machine_that_drains_is_passed_over(tmp_path: Path) -> None:
    async with exchange() as ours, running_kamailio(KamailioPlan(tmp_path, parleys=[ours.address])) as kamailio:
        await kamailio.until_state(ours.address, "A")
        ours.endpoint.stop_accepting()
        await kamailio.until_state(ours.address, "I")


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.scenario("REG-06", peer="Kamailio 5.6", transport="udp")
async def test_a_trunk_registers_again_after_an_outage(tmp_path: Path) -> None:
    port = free_port()
    plan = KamailioPlan(tmp_path, sip_port=port)
    trunk = {
        "name": "pbx", "registrar": f"{LOOPBACK}:{port}", "username": "parley", "password": plan.users["parley"],
        "domain": REALM, "register_seconds": 60,
    }  # fmt: skip
    async with running_kamailio(plan) as kamailio, exchange(trunks=[trunk]) as ours:
        await state(ours, lambda one: one.registered)
        await kamailio.stop()
        async with asyncio.timeout(90):
            while ours.endpoint.registrations()["pbx"].registered:  # noqa: ASYNC110  the state has no event
                await asyncio.sleep(0.2)
        await kamailio.start()
        await kamailio.registered("parley", seconds=40)
        await state(ours, lambda one: one.registered)
