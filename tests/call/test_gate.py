"""Who is on a do-not-call list is dialled in no way, and every attempt counts for the limits of its trunk."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest.mock import patch

import pytest

from gateway.call.attempts import Attempt, Failure
from gateway.call.gate import TrunkGate, anybody
from gateway.call.limits import TrunkLimits
from gateway.errors import OnDoNotCallList, OverLimit
from gateway.trunk.settings import TrunkSettings
from tests.call.house import greet, house
from tests.call.leg_double import MemoryLeg, inbound
from tests.call.test_outgoing import MOBILE, stand_in
from tests.call.test_toll_fraud import TRUNKS, dial_in_every_way
from tests.link.worker_double import until


async def test_who_is_on_a_list_is_dialled_in_no_way(tmp_path: Path) -> None:
    asked: list[tuple[str, str | None]] = []

    async def may_call(destination: str, organisation: str | None) -> bool:
        asked.append((destination, organisation))
        return "201" not in destination

    async with house(tmp_path) as h:
        h.endpoint.known, h.gateway.outgoing.may_call = TRUNKS, may_call
        with patch.object(h.gateway, "begin", lambda call: call):
            for wanted in ("201", "sip:201@office.example", "sip:201@h"):
                await dial_in_every_way(h, wanted, "office" if wanted == "201" else None)
        sent = [leg.info.called for leg in h.endpoint.dialled] + [one for one, _, _ in h.endpoint.redialled]
        assert set(sent) == {"200"}
    assert {("201", None), ("201", "ours"), ("sip:201@h", None), ("sip:201@office.example", "ours")} <= set(asked)


async def test_an_operator_may_call_anyway(tmp_path: Path) -> None:
    async def nobody(destination: str, organisation: str | None) -> bool:
        return False

    async with house(tmp_path, greet) as h:
        h.gateway.outgoing.may_call = nobody
        with pytest.raises(OnDoNotCallList, match=r"200 is on a do-not-call list.*--anyway"):
            await h.gateway.dial("200")
        await h.gateway.dial("200", anyway=True)
        assert len(h.endpoint.dialled) == 1


async def test_a_trunk_that_is_full_by_now_is_passed_over_when_the_call_goes_on(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        stand_in(h, MOBILE, MOBILE.model_copy(update={"name": "spare"}))
        await h.gateway.dial("200", trunk="office")
        h.call(MemoryLeg(inbound(trunk="mobile")))
        await until(lambda: len(h.gateway.calls) == 2)
        h.endpoint.dialled[0].fail(Failure(503, "Service Unavailable"))
        await until(lambda: h.endpoint.redialled)
        assert h.endpoint.redialled == [("200", "spare", None)]


class Clock:
    """An event loop's time, and sleeping that takes none."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def gate(clock: Clock, *, carried: list[str | None] | None = None, **limits: float) -> TrunkGate:
    trunk = TrunkSettings(name="t", registrar="t.example", username="1", **limits)
    return TrunkGate({"t": trunk}, None, limits=TrunkLimits(), carried=lambda: list(carried or ["t"]), may_call=anybody)


async def passed(gate: TrunkGate, clock: Clock, leg: MemoryLeg | None = None, gateway: str = "a") -> None:
    with (
        patch.object(asyncio, "get_running_loop", lambda: clock),
        patch("gateway.call.gate.asyncio.sleep", clock.sleep),
    ):
        await gate(Attempt("200", "t", gateway), leg)


async def test_the_next_gateway_waits_for_the_rate_of_its_trunk() -> None:
    clock = Clock()
    of_call = gate(clock, calls_per_second=2)
    for name in "abcd":
        await passed(of_call, clock, MemoryLeg(inbound(trunk="t")), name)
    assert clock.slept == [1.0], "two calls begin in each second"


async def test_a_rate_that_is_too_low_to_wait_for_refuses_the_attempt() -> None:
    clock = Clock()
    of_call = gate(clock, calls_per_second=0.1)
    await passed(of_call, clock)
    with pytest.raises(OverLimit, match=r"begins 0\.1 calls a second"):
        await passed(of_call, clock, MemoryLeg(inbound(trunk="t")), "b")
    assert clock.slept == []


async def test_a_call_that_goes_on_at_its_own_trunk_has_its_place_there() -> None:
    clock = Clock()
    of_call = gate(clock, max_calls=1)
    await passed(of_call, clock)
    await passed(of_call, clock, MemoryLeg(inbound(trunk="t")), "b")
    full = gate(clock, carried=["t", "t"], max_calls=1)
    with pytest.raises(OverLimit, match="carries 1 calls"):
        await passed(full, clock, MemoryLeg(inbound(trunk="t")), "b")
