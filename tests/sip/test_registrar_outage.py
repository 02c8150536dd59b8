"""Two hundred real accounts and a registrar that goes away and returns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.trunk.registrar import PROBE_SECONDS, REQUESTS_PER_SECOND
from tests.sip.exchange import Exchange, exchange
from tests.sip.registrar import registrar
from tests.sip.test_registering import trunk


async def until(ours: Exchange, reached: Callable[[int], bool], seconds: float) -> float:
    """Seconds until the number of registered accounts is as wanted."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with asyncio.timeout(seconds):
        while not reached(sum(one.registered for one in ours.endpoint.registrations().values())):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return loop.time() - start


def busiest_second(times: list[float]) -> int:
    return max(sum(1 for other in times if at <= other < at + 1) for at in times)


@pytest.mark.long
@pytest.mark.timeout(500)
@pytest.mark.scenario("REG-06", peer="scripted registrar", transport="udp")
@pytest.mark.parametrize(("nonces", "seconds"), [("kept", 40), ("fresh", 60)])
async def test_two_hundred_accounts_are_back_soon_after_their_registrar(nonces: str, seconds: int) -> None:
    async with registrar() as pbx:
        trunks: list[dict[str, Any]] = [
            # without OPTIONS that ask for a mapping of a NAT: only the probes are counted
            trunk(pbx, f"t{index}", username=f"u{index}", keep_alive_seconds=0)
            for index in range(200)
        ]
        pbx.expires = 60
        async with exchange(trunks=trunks) as ours:
            first = await until(ours, lambda count: count == 200, 90)
            pbx.away = True
            # the first refreshes come after 36 s, and are given up after 32 s
            await until(ours, lambda count: count < 50, 240)
            pbx.nonce += nonces == "fresh"
            pbx.rotates = nonces == "fresh"
            pbx.times.clear()
            pbx.away = False
            again = await until(ours, lambda count: count == 200, 120)
            gaps = [later - earlier for earlier, later in zip(pbx.probes, pbx.probes[1:], strict=False)]
            print(f"registered after {first:.1f} s; back after {again:.1f} s, {busiest_second(pbx.times)} REGISTER/s")
            assert again <= seconds
            assert busiest_second(pbx.times) <= REQUESTS_PER_SECOND
            assert min(gaps) >= PROBE_SECONDS - 1
