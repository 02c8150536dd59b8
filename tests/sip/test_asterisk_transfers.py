"""Transfers that Asterisk carries out: blind ones to who answers, is busy or does not exist, and an attended one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.peers.asterisk import Asterisk, running_asterisk
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.test_registering import state

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-16", peer="Asterisk 22", transport="udp"),
]
Office = tuple[Exchange, Asterisk]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office() -> AsyncIterator[Office]:
    async with running_asterisk() as pbx:
        trunk = {
            "name": "pbx",
            "registrar": f"{LOOPBACK}:{pbx.plan.sip_port}",
            "username": "parley",
            "password": pbx.plan.parley_password,
        }
        async with exchange(trunks=[trunk]) as ours:
            await state(ours, lambda one: one.registered)
            yield ours, pbx


async def caller(office: Office) -> Told:
    """Somebody at Asterisk calls us, and is connected by its dialplan."""
    ours, pbx = office
    index = len(ours.calls)
    await pbx.cli("channel originate Local/100@phones application Echo")
    told = await ours.call(index)
    await told.event("answered")
    await told.until(lambda one: len(one.frames) > 15, "frames: Asterisk has connected the two by then")
    return told


@pytest.mark.parametrize(
    ("extension", "ok", "status"),
    [("301", True, "200"), ("303", False, "486"), ("999", False, "404")],
    ids=["answers", "busy", "unknown"],
)
async def test_a_blind_transfer_is_told_as_it_went(office: Office, extension: str, ok: bool, status: str) -> None:
    told = await caller(office)
    await told.leg.transfer(f"sip:{extension}@{office[1].address}")
    outcome = await told.event("transfer")
    assert outcome[0] is ok, outcome
    if not ok:
        assert status in outcome[1]
    await told.leg.hangup()
    await told.event("ended")


async def test_an_attended_transfer_connects_the_two_without_us(office: Office) -> None:
    ours, pbx = office
    told = await caller(office)
    leg = await ours.endpoint.dial("200", trunk="pbx")
    human = Told(leg)
    leg.attach(human)
    await human.event("answered")
    await told.leg.transfer_to(leg)
    assert (await told.event("transfer"))[0] is True
    await human.event("ended")
    await told.leg.hangup()
    await told.event("ended")
    assert await pbx.channels() > 0, "the caller and the echo are still connected"
