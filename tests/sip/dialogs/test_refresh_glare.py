"""Our refresh of a session meets an offer of theirs: 491 to both, and each comes again (RFC 3261 section 14.1)."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.peers.ports import free_ports
from tests.sip.dialogs.sessions import CAN_UPDATE, CANNOT_UPDATE, SHORTEST, accept, refreshed_by_us
from tests.sip.exchange import Exchange, exchange
from tests.sip.party import Party, Received, party

pytestmark = pytest.mark.scenario("INV-07", peer="scripted party", transport="udp")
CALLS = 64


async def crossed(far: Party, refresh: Received) -> tuple[Received, float]:
    """Each side's re-INVITE reaches the other while its own is out. Returns the one with which we try again, and when
    it came, s after our refusal."""
    far.request("INVITE", body=far.sdp())
    await far.expect(lambda one: one.status == 491, "491")
    far.request("ACK", same_transaction=True)
    return await refused(far, refresh)


async def refused(far: Party, refresh: Received) -> tuple[Received, float]:
    since = time.monotonic()
    far.respond(refresh, "491 Request Pending")
    if refresh.method == "INVITE":
        await far.incoming("ACK")
    again = await far.incoming(refresh.method)
    return again, time.monotonic() - since


async def crossings(ours: Exchange, count: int, *, allow: str, inbound: bool) -> list[float]:
    """Refreshes that cross so often, then come through; how long each was in coming, s."""
    waits: list[float] = []
    async with party(ours.address) as far:
        far.patience = SHORTEST
        await refreshed_by_us(ours, far, allow=allow, inbound=inbound)
        refresh = await far.incoming("UPDATE" if allow == CAN_UPDATE else "INVITE")
        for _ in range(count):
            refresh, waited = await (refused if allow == CAN_UPDATE else crossed)(far, refresh)
            waits.append(waited)
        accept(far, refresh)
        if refresh.method == "INVITE":
            await far.incoming("ACK")
        await far.reinvite(far.sdp())
        await far.bye()
    return waits


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_thousand_refreshes_that_cross_an_offer_come_again_and_leave_no_call_stuck() -> None:
    async with exchange(sip={"max_calls": CALLS}, rtp={"ports": free_ports(4 * CALLS)}) as ours:
        kinds = [(allow, inbound) for allow in (CANNOT_UPDATE, CAN_UPDATE) for inbound in (True, False)]
        calls = [
            (*kind, crossings(ours, count, allow=kind[0], inbound=kind[1]))
            for kind, calls, count in zip(kinds, (40, 18, 2, 2), (21, 9, 20, 9), strict=True)
            for _ in range(calls)
        ]
        waits = await asyncio.gather(*[call for _, _, call in calls])
        for told in ours.calls:
            await told.event("ended")
    assert sum(map(len, waits)) >= 1000
    for (_, inbound, _), waited in zip(calls, waits, strict=True):
        # who called owns the Call-ID
        least, most = (0, 2) if inbound else (2.1, 4)
        assert least - 0.001 <= min(waited), "timers count whole milliseconds"
        assert max(waited) < most + 2, inbound  # a second more where something else is being negotiated
