"""RTP goes on while the gateway's interpreter stands still: no Python runs in the media clock's thread."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.interop.continuity import assert_continuous
from tests.interop.conversation import in_call
from tests.interop.product import STALLING_SERVE, Product, ProductPlan, metric_value, running_product
from tests.interop.providers import fake_assistant
from tests.peers.softphone import SoftphonePlan

STALLS = 3

pytestmark = [pytest.mark.alone, pytest.mark.timeout(90)]


async def late_heartbeats(product: Product) -> float:
    """How often the gateway's event loop woke up more than 200 ms late."""
    name, scraped = "parley_loop_lateness_seconds", await product.scrape()
    return metric_value(scraped, f"{name}_count") - metric_value(scraped, f"{name}_bucket", labels=r'\{le="0.2"\}')


@pytest.mark.scenario("MED-06", peer="softphone", transport="udp")
async def test_no_gap_while_python_stands_still_for_500_ms(tmp_path: Path) -> None:
    assistant = fake_assistant(first_message=" ".join(["hello"] * 25))
    plan = ProductPlan(tmp_path / "parley", assistant, command=STALLING_SERVE)
    async with running_product(plan) as product:
        before = await late_heartbeats(product)
        async with in_call(SoftphonePlan(tmp_path / "phone"), f"sip:demo@{product.address}") as call:
            await call.phone.wait_for("far-speech")
            for _ in range(STALLS):
                os.kill(product.child.pid, signal.SIGUSR1)
                await asyncio.sleep(1)
        assert await late_heartbeats(product) - before >= STALLS, "the interpreter never stood still"
    assert_continuous(call.agent, call.caller)
    (speech,) = call.agent_spurts
    assert (call.agent.end_ns - speech.end_ns) / 1e6 < 200, "the speech stopped in a stall"
