"""The gateway is killed with calls up: the next one ends them, and each call has one record."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.call import endings
from tests.interop.product import Product, ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers.asterisk import Asterisk, AsteriskPlan, running_asterisk
from tests.peers.ports import LOOPBACK, free_port
from tests.sip.party import Party, party

pytestmark = pytest.mark.timeout(120)

CALLS = 5


async def killed(product: Product) -> None:
    product.child.process.kill()
    await product.child.process.wait()


async def hung_up(phone: Party) -> str:
    """The tag that BYE names as ours; it is answered."""
    bye = await phone.incoming("BYE")
    phone.respond(bye, "200 OK")
    return bye.message.first("from")


async def channels_gone(pbx: Asterisk, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while await pbx.channels():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.1)
    return True


@pytest.mark.scenario("FLT-05", peer="scripted party + asterisk 22", transport="udp")
async def test_calls_of_a_gateway_that_was_killed_are_ended_and_recorded_once(tmp_path: Path) -> None:
    port = free_port()
    pbx_plan = AsteriskPlan(parley_address=f"{LOOPBACK}:{port}")
    trunk = {"name": "pbx", "gateways": [{"host": LOOPBACK, "port": pbx_plan.sip_port}]}
    plan = ProductPlan(tmp_path / "parley", fake_assistant(), trunks=[trunk], sip_port=port)
    async with asyncio.timeout(100), AsyncExitStack() as stack:
        pbx = await stack.enter_async_context(running_asterisk(pbx_plan))
        phones = [await stack.enter_async_context(party(plan.address)) for _ in range(CALLS)]
        async with running_product(plan) as first:
            for phone in phones:
                await phone.call()
            await pbx.cli("channel originate PJSIP/710@parley-ip application Echo")
            await first.wait_until_active(CALLS + 1)
            await killed(first)
        assert await pbx.channels() == 1
        async with running_product(plan) as second:
            tags = [await hung_up(phone) for phone in phones]
            assert tags == [phone.to for phone in phones]
            assert await channels_gone(pbx, 5)
            records = await second.wait_for_records(CALLS + 1)
            assert len(records) == CALLS + 1
            assert {record["end_reason"] for record in records} == {endings.GATEWAY_DIED}
