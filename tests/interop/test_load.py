"""Many calls at once, and many one after the other: none is lost, and nothing of them stays behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.interop.continuity import allowed_gap_ms, from_ports, to_ports
from tests.interop.product import Footprint, Product
from tests.peers import speech
from tests.peers.capture import capture
from tests.peers.rtp import pacing
from tests.peers.sipp import SippPlan, sipp

AT_ONCE = 20
IN_A_ROW = 500
CALLS_A_SECOND = 18
WARM_UP = 20

pytestmark = [pytest.mark.alone, pytest.mark.timeout(150), pytest.mark.asyncio(loop_scope="session")]


async def test_twenty_conversations_at_once_are_all_served(product: Product, tmp_path: Path) -> None:
    plan = product.plan
    audio = speech.join(speech.synthetic("Can you hear me?"), speech.silence(2500))
    calls = SippPlan(
        "talking_call",
        product.address,
        tmp_path / "calls",
        calls=AT_ONCE,
        at_once=AT_ONCE,
        hold_ms=8000,
        audio=audio,
        number="twenty",
    )
    async with capture(tmp_path, ports=plan.rtp_ports) as captured:
        result = await sipp(calls, seconds=40)
    assert (result.successful, result.failed) == (AT_ONCE, 0), result.errors
    records = await product.wait_for_records(AT_ONCE, number="twenty")
    datagrams = captured.datagrams()
    ours = [pacing(stream.packets) for stream in from_ports(datagrams, plan.rtp_ports)]
    peers = [pacing(stream.packets) for stream in to_ports(datagrams, plan.rtp_ports)]
    reference = max(peers, key=lambda found: found.gap_max_ms)
    assert len(ours) == AT_ONCE
    assert max(found.gap_max_ms for found in ours) <= allowed_gap_ms(reference), reference
    assert sum(found.lost for found in ours) == 0
    assert all(len(record["turns"]) >= 3 for record in records), "a caller was not answered"


async def settled(product: Product) -> Footprint:
    """The footprint once no call is active and it has stopped falling."""
    await product.wait_until_active(0, seconds=20)
    found = product.footprint()
    for _ in range(30):
        await asyncio.sleep(0.5)
        now = product.footprint()
        if now.descriptors >= found.descriptors and now.threads >= found.threads:
            break
        found = now
    return found


async def test_five_hundred_short_calls_leave_nothing_behind(product: Product, tmp_path: Path) -> None:
    def calls(name: str, count: int) -> SippPlan:
        return SippPlan(
            "silent_call",
            product.address,
            tmp_path / name,
            number=name,
            calls=count,
            at_once=40,
            rate=CALLS_A_SECOND,
            hold_ms=300,
        )

    assert (await sipp(calls("warm", WARM_UP), seconds=30)).failed == 0
    before = await settled(product)
    result = await sipp(calls("row", IN_A_ROW), seconds=90)
    assert (result.successful, result.failed) == (IN_A_ROW, 0), result.errors
    after = await settled(product)
    await product.wait_for_records(IN_A_ROW, number="row")
    assert after.threads <= before.threads, (before, after)
    assert after.descriptors <= before.descriptors, (before, after)
    assert after.sockets <= before.sockets, (before, after)
