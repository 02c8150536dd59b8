"""Calls that we begin, from what is asked for to the record."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.call import endings
from gateway.call.attempts import Failure
from gateway.errors import OverLimit
from gateway.settings import ApiSettings
from gateway.trunk.settings import TrunkSettings
from tests.call.house import House, greet, house
from tests.call.leg_double import MemoryLeg, inbound
from tests.link.worker_double import until

MOBILE = TrunkSettings(name="mobile", registrar="mobile.example", username="100", max_calls=1)


def stand_in(h: House, *trunks: TrunkSettings) -> None:
    """More trunks beside the office's, all of which stand in for each other."""
    h.endpoint.known |= {trunk.name: trunk for trunk in trunks}
    h.gateway.settings.outbound.trunks.extend(h.endpoint.known)


async def test_the_next_trunk_has_the_call_and_the_record_tells_every_attempt(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        stand_in(h, MOBILE)
        await h.gateway.dial("200", assistant="desk")
        (leg,) = h.endpoint.dialled
        await asyncio.sleep(0.05)
        leg.fail(Failure(503, "Service Unavailable"))
        await until(lambda: h.endpoint.redialled)
        assert h.endpoint.redialled == [("200", "mobile", None)]
        leg.fail(Failure(486, "Busy Here"))
        record = await h.record()
        assert [(one.trunk, one.status) for one in record.attempts] == [("office", 503), ("mobile", 486)]
        assert (record.end_reason, record.trunk) == (endings.CUSTOMER_BUSY, "mobile")


async def test_a_full_trunk_is_passed_over_and_counted_by_what_is_live(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        h.endpoint.known["mobile"] = MOBILE
        first = await h.gateway.dial("200", assistant="desk", trunk="mobile")
        with pytest.raises(OverLimit, match="'mobile' carries 1 calls"):
            await h.gateway.dial("200", assistant="desk", trunk="mobile")
        await asyncio.sleep(0.05)
        h.endpoint.dialled[0].end(486)
        await until(lambda: first.id not in h.gateway.calls)
        await h.gateway.dial("200", assistant="desk", trunk="mobile")


async def test_calls_that_begin_at_the_same_instant_count(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        h.endpoint.known["mobile"] = MOBILE
        dialling = (h.gateway.dial("200", assistant="desk", trunk="mobile") for _ in range(5))
        outcomes = await asyncio.gather(*dialling, return_exceptions=True)
        assert sum(isinstance(one, OverLimit) for one in outcomes) == 4


async def test_a_caller_by_a_full_trunk_is_told_when_to_try_again(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        h.endpoint.known["mobile"] = MOBILE
        h.call(MemoryLeg(inbound(trunk="mobile")))
        second = h.call(MemoryLeg(inbound(trunk="mobile")))
        await until(lambda: second.refused)
        assert second.refused in [(503, seconds) for seconds in range(5, 31)]


async def test_a_call_rings_as_long_as_its_trunk_says(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        h.endpoint.known["mobile"] = MOBILE.model_copy(update={"ring_seconds": 0.2})
        await h.gateway.dial("200", assistant="desk", trunk="mobile")
        record = await h.record()
        assert record.end_reason == endings.CUSTOMER_DID_NOT_ANSWER
        assert h.endpoint.dialled[0].hung_up is not None


async def test_an_extension_is_dialled_before_the_agent_speaks(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        call = await h.gateway.dial("200", assistant="desk", extension="12")
        (leg,) = h.endpoint.dialled
        await until(lambda: call.state == "answering")
        assert leg.listener
        leg.listener.on_answered()
        await until(lambda: leg.digits)
        assert not leg.ring.segments
        await until(lambda: leg.ring.segments)
        assert leg.digits == ["12"]
        leg.end()


async def test_a_route_answers_no_more_callers_of_a_trunk_than_its_owner_may_have(tmp_path: Path) -> None:
    api = ApiSettings(enabled=False, organisation_calls=1)
    async with house(tmp_path, greet, api=api) as h:
        owned = {"organisation": "ours", "max_calls": None}
        h.endpoint.known |= {"mobile": MOBILE.model_copy(update=owned), "fixed": MOBILE.model_copy(update=owned)}
        first = h.call(MemoryLeg(inbound(trunk="mobile")))
        await until(lambda: first.answered)
        second = h.call(MemoryLeg(inbound(trunk="fixed")))
        await until(lambda: second.refused)
        assert second.refused in [(503, seconds) for seconds in range(5, 31)]
        other = h.call(MemoryLeg(inbound(trunk="office")))
        await until(lambda: other.answered)
