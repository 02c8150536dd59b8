"""Ten times as many calls as fit: those that fit are served as ever, the others are told when to come back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.overload import product_plan
from tests.interop.overload import Load, Overload, overloaded
from tests.interop.product import metric_value, running_product

PLACES = 4

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.scenario("LOAD-04", peer="SIPp", transport="udp"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Overload, str]:
    return asyncio.run(_overload(tmp_path_factory.mktemp("overload")))


async def _overload(folder: Path) -> tuple[Overload, str]:
    load = Load(PLACES, hold_seconds=2, times=10, seconds=4.5)
    async with running_product(product_plan(folder / "parley", PLACES)) as product:
        return await overloaded(product, load, folder / "calls"), await product.scrape()


def test_every_call_is_either_served_or_refused(found: tuple[Overload, str]) -> None:
    overload, _ = found
    assert overload.sipp.failed == 0, overload.sipp.errors
    assert len(overload.answered_ms) + len(overload.refused) == overload.offered
    assert len(overload.ours) == len(overload.answered_ms) >= 2 * PLACES, "places that were free again were not taken"


def test_a_refusal_says_why_and_when_to_come_back_and_never_that_we_are_busy(found: tuple[Overload, str]) -> None:
    overload, scraped = found
    assert {one.status for one in overload.refused} == {503}
    assert set(overload.reasons) == {"over-capacity"}
    assert all(5 <= one.retry_after <= 30 for one in overload.refused)
    assert len({one.retry_after for one in overload.refused}) > 5, "they would all come back together"
    assert metric_value(scraped, "parley_calls_refused_total", labels=r'\{reason="over-capacity"\}') >= len(
        overload.refused
    )


def test_the_audio_of_those_who_are_served_is_whole(found: tuple[Overload, str]) -> None:
    assert sum(one.lost for one in found[0].ours) == 0
    assert all(one.timestamp_steps.keys() == {160} for one in found[0].ours)
