from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path

import pytest

from gateway.call.steady_clock import steady
from tests.call.house import greet, house, play
from tests.link.worker_double import until

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def jumping(by: timedelta) -> Iterator[datetime]:
    return chain([NOON], repeat(NOON + by))


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_a_clock_that_is_set_changes_no_duration(by: timedelta) -> None:
    wall, seconds = jumping(by), iter((5.0, 5.0, 6.5))
    clock = steady(lambda: next(wall), lambda: next(seconds))
    assert clock() == NOON
    assert clock() == NOON + timedelta(seconds=1.5)


@pytest.mark.scenario("FLT-18", peer="none", transport="none")
@pytest.mark.parametrize("by", [HOUR, -HOUR])
async def test_a_call_outlives_a_clock_that_is_set_and_lasts_as_long_as_it_did(tmp_path: Path, by: timedelta) -> None:
    wall = jumping(by)
    async with house(tmp_path, greet) as h:
        h.gateway.services = replace(h.gateway.services, now=lambda: next(wall))
        leg = h.call()
        await until(lambda: leg.answered)
        await play(leg, 50)
        assert len(h.gateway.calls) == 1
        leg.end()
        record = await h.record()
    assert record.duration_ms is not None
    assert 0 <= record.duration_ms < 60_000
    assert NOON <= record.started_at < NOON + timedelta(minutes=1)
