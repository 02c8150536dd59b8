"""A gateway that may open few files only: calls beyond them are refused, and it takes calls again afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bench.overload import product_plan
from tests.interop.overload import Load, Overload, overloaded
from tests.interop.product import SERVE, running_product

FILES = 128
CALLS = 40

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.scenario("FLT-22", peer="SIPp", transport="udp"),
]


async def _crowd(folder: Path) -> tuple[Overload, Overload]:
    """What becomes of many calls, and then of a few."""
    plan = product_plan(folder / "parley", CALLS)
    command = ("/bin/sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh", *SERVE)
    async with running_product(replace(plan, command=command)) as product:
        many = await overloaded(product, Load(CALLS, hold_seconds=3, times=1, seconds=3), folder / "many")
        few = await overloaded(product, Load(2, hold_seconds=1, times=1, seconds=2), folder / "few")
        product.child.require_running()
    return many, few


def test_calls_beyond_the_files_that_may_be_opened_are_refused_until_others_have_ended(tmp_path: Path) -> None:
    many, few = asyncio.run(_crowd(tmp_path))
    assert many.sipp.failed == 0, many.sipp.errors
    assert many.ours
    assert {one.status for one in many.refused} == {503}
    assert set(many.reasons) == {"file-descriptors"}
    assert sum(one.lost for one in many.ours) == 0
    assert not few.refused, "it takes calls again"
