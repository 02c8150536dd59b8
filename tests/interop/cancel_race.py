"""Calls whose CANCEL races the answer of a real gateway, and what is left of them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.interop.product import Footprint, Product, ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers.hasty_callers import hasty_callers
from tests.peers.ports import free_ports

WARM_UP = 100
"""Calls before what the gateway holds is looked at."""
_CAPACITY = 100
_LAST_SECONDS = 40.0
"""64·T1, and a little: after it no transaction is left (RFC 3261 section 17.1.1.2)."""


@dataclass(frozen=True, slots=True)
class RaceOutcome:
    """`finals` are the INVITEs' final statuses; `records` how many records each call has, by how many calls;
    `offsets_ms` from the answer to the CANCEL where the CANCEL came too late, or crossed it."""

    calls: int
    finals: Counter[int]
    unfinished: int
    active: int
    records: Counter[int]
    without_record: list[str]
    """What the callers did whose calls have none."""
    strangers: int
    journals: int
    offsets_ms: list[float]
    before: Footprint
    after: Footprint

    @property
    def clean(self) -> bool:
        """Nothing is alive, each call has exactly one record, and nothing is held for calls that are over."""
        held = abs(self.after.descriptors - self.before.descriptors) <= 2
        once = self.records == Counter({1: self.calls}) and not (self.strangers or self.journals)
        return once and held and not (self.unfinished or self.active)


async def race(folder: Path, *, calls: int, rate: float, seed: int = 11) -> RaceOutcome:
    """:param rate: calls that begin in a second"""
    plan = ProductPlan(
        folder,
        {**fake_assistant(), "firstMessageMode": "assistant-waits-for-user"},
        changes={
            "sip": {"max_calls": _CAPACITY},
            "worker": {"capacity": 2 * _CAPACITY},
            "recording": {"enabled": False, "events": False},
            "log": {"level": "warning"},
        },
        rtp_ports=free_ports(4 * _CAPACITY),
    )
    async with running_product(plan) as product, hasty_callers(product.address, seed=seed) as callers:
        await callers.run(min(calls, WARM_UP), rate=rate)
        await callers.until_over(_LAST_SECONDS)
        await product.wait_until_active(0, seconds=_LAST_SECONDS)
        before = product.footprint()
        await callers.run(calls - min(calls, WARM_UP), rate=rate)
        await callers.until_over(_LAST_SECONDS)
        await product.wait_until_active(0, seconds=_LAST_SECONDS)
        await _records_written(plan, calls)
        kept = Counter(_signalling_ids(product))
        return RaceOutcome(
            calls=calls,
            finals=callers.finals,
            unfinished=sum(not call.over for call in callers.calls.values()),
            active=int(await product.metric("parley_calls_active")),
            records=Counter(kept[call_id] for call_id in callers.calls),
            without_record=[call.whim for call in callers.calls.values() if not kept[call.call_id]],
            strangers=len(set(kept) - set(callers.calls)),
            journals=len(list((plan.data / "calls").glob("*.journal"))),
            offsets_ms=callers.offsets_ms,
            before=before,
            after=product.footprint(),
        )


async def _records_written(plan: ProductPlan, calls: int) -> None:
    """Wait for as many records as there were calls, or for as long as one may take."""
    for _ in range(int(_LAST_SECONDS * 10)):
        if len(list((plan.data / "calls").glob("*.json"))) >= calls:
            return
        await asyncio.sleep(0.1)


def _signalling_ids(product: Product) -> list[str]:
    return [json.loads(path.read_text())["signalling_id"] for path in (product.plan.data / "calls").glob("*.json")]
