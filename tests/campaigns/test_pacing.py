"""The pace of a campaign, in virtual time."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.campaigns.pacing import Pace

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_PACES = st.builds(Pace, st.integers(1, 8), st.none() | st.floats(0.5, 600))


@given(_PACES, st.lists(st.floats(0.1, 90), min_size=1, max_size=60), st.lists(st.floats(0.1, 30), max_size=5))
def test_calls_keep_to_the_pace_and_all_are_made(pace: Pace, durations: list[float], pauses: list[float]) -> None:
    """Each customer's call has its duration; sweeps come each second, but for pauses in which no process runs."""
    now, last = START, None
    begun: list[datetime] = []
    live: list[datetime] = []
    waits = iter(pauses)
    for _ in range(100_000):
        while live and live[0] <= now:
            heapq.heappop(live)
        for at in pace.beginnings(now, live=len(live), last=last, horizon=SECOND)[: len(durations) - len(begun)]:
            heapq.heappush(live, at + timedelta(seconds=durations[len(begun)]))
            begun.append(at)
            last = at
            assert len(live) <= pace.at_once
        if len(begun) == len(durations):
            break
        now += SECOND + timedelta(seconds=next(waits, 0))
    assert len(begun) == len(durations)
    assert begun == sorted(begun)
    if pace.per_minute is not None:
        gaps = [later - earlier for earlier, later in pairwise(begun)]
        assert all(gap >= pace.between for gap in gaps)


def test_a_pace_is_kept_by_sweeps_that_are_slower_than_it() -> None:
    found = Pace(100, 240).beginnings(START, live=0, last=START - SECOND, horizon=SECOND)
    assert [(at - START).total_seconds() for at in found] == [0, 0.25, 0.5, 0.75]


def test_after_a_pause_nothing_is_made_up_for() -> None:
    found = Pace(100, 60).beginnings(START, live=0, last=START - timedelta(hours=1), horizon=SECOND)
    assert found == [START]
