"""What calls leave behind is freed soon, and what start-up made is not looked at."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from collections.abc import Iterator

import pytest

from gateway import collector

OBJECTS = 150
"""About what a call has."""


class Call:
    """A net of objects that know each other."""

    def __init__(self) -> None:
        self.parts = [[self] for _ in range(OBJECTS)]


@pytest.fixture(autouse=True)
def own_collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_start_up_made_is_left_out_of_collections() -> None:
    made = [Call() for _ in range(10)]
    collector.settle()
    assert gc.get_freeze_count() > 10 * OBJECTS
    assert not any(one is made[0] for one in gc.get_objects())


def test_calls_that_are_over_wait_for_their_collection_by_the_hundred_not_by_the_thousand() -> None:
    collector.settle()
    going_on: deque[Call] = deque(maxlen=40)
    left: weakref.WeakSet[Call] = weakref.WeakSet()
    most = 0
    for _ in range(3000):
        call = Call()
        left.add(call)
        going_on.append(call)
        most = max(most, len(left))
    assert most < 300
