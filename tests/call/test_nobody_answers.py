"""Calls that nobody answers, as the called party sees them: when they end, and whether they are cancelled."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.call.transfer.test_on_the_wire import wire
from tests.link.worker_double import until
from tests.peers.ports import LOOPBACK
from tests.sip.party import party

RING_SECONDS = 2.0
MARGIN_SECONDS = 0.5


@pytest.mark.scenario("INV-20", peer="scripted party", transport="udp")
@pytest.mark.parametrize("rings", [True, False], ids=["it rings", "silence"])
async def test_a_call_that_nobody_answers_ends_at_its_time_and_is_cancelled_only_where_somebody_responded(
    tmp_path: Path, rings: bool
) -> None:
    async with wire(tmp_path) as w, party(f"{LOOPBACK}:1") as bob:
        begun = time.monotonic()
        call = await w.gateway.dial(f"sip:bob@{LOOPBACK}:{bob.port}", ring_seconds=RING_SECONDS)
        invite = await bob.incoming("INVITE")
        if rings:
            bob.respond(invite, "180 Ringing")
            bob.respond(await bob.incoming("CANCEL"), "200 OK")
            bob.respond(invite, "487 Request Terminated")
            await bob.incoming("ACK")
        await until(lambda: call.id in [one.id for one in w.gateway.records.newest()])
        waited = time.monotonic() - begun
        print(f"{'ringing' if rings else 'silent'}: ended after {waited:.3f} s of {RING_SECONDS} s")
        assert abs(waited - RING_SECONDS) <= MARGIN_SECONDS
        if not rings:
            assert "CANCEL" not in {one.method for one in await bob.nothing(0)}
            bob.respond(invite, "180 Ringing")
            bob.respond(await bob.incoming("CANCEL"), "200 OK")
            bob.respond(invite, "487 Request Terminated")
        await w.caller.bye()
