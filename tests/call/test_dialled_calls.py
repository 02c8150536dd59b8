"""Calls that the gateway makes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.call import endings
from gateway.call.leg import Direction
from gateway.errors import DialRefused
from gateway.trunk.registration import RegistrationState
from tests.call.house import GREETING, greet, house, play, started
from tests.link.worker_double import until


async def test_a_callee_hears_the_assistant(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        await h.gateway.dial("sip:bob@h", assistant="desk")
        (leg,) = h.endpoint.dialled
        await started(h)
        await asyncio.sleep(0.05)
        assert leg.listener
        leg.listener.on_answered()
        await until(lambda: leg.ring.segments)
        await play(leg, 25)
        assert leg.heard() == GREETING
        leg.end()
        record = await h.record()
        assert (record.direction, record.end_reason) == (Direction.OUTBOUND, endings.CUSTOMER_ENDED)


async def test_a_callee_who_is_busy_is_in_the_record(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        await h.gateway.dial("sip:bob@h", assistant="desk")
        await asyncio.sleep(0.05)
        h.endpoint.dialled[0].end(486)
        assert (await h.record()).end_reason == endings.CUSTOMER_BUSY


async def test_dialling_with_an_unknown_assistant_is_one_sentence(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        with pytest.raises(DialRefused, match="no assistant 'nobody'"):
            await h.gateway.dial("sip:bob@h", assistant="nobody")


async def test_a_number_goes_through_the_only_trunk(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        await h.gateway.dial("+1 (555) 123-4567")
        assert h.endpoint.dialled[0].info.called == "+15551234567"
        assert h.endpoint.dialled[0].info.trunk == "office"


async def test_a_trunk_that_is_not_registered_is_not_dialled_through(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        h.endpoint.registered["office"] = RegistrationState(False, 403, "Forbidden", 0, 2)
        with pytest.raises(DialRefused, match="'office' is not registered: 403 Forbidden"):
            await h.gateway.dial("200")
        assert not h.endpoint.dialled


async def test_the_variables_of_a_call_reach_the_worker(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        await h.gateway.dial("200", variables={"customer.name": "Ann"})
        starts = await started(h)
        assert json.loads(starts[0].start.variables_json)["customer.name"] == "Ann"
