"""The ring of tick records in ticks.h."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.sip.bridge import TICK, TickFlag

KEPT = 256


class _Ring(ctypes.Structure):
    _fields_ = [
        ("records", ctypes.c_void_p),
        ("head", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("lost", ctypes.c_uint64),
    ]


class TickRing:
    """ticks.h, one ring; records are told apart by their tick number."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._records = np.zeros(KEPT, dtype=TICK)
        self._ring = _Ring(records=self._records.ctypes.data)
        self.written = 0
        library.ticks_next.restype = ctypes.c_void_p

    def write(self, count: int) -> None:
        for _ in range(count):
            place = self._library.ticks_next(ctypes.byref(self._ring))
            index = (place - self._records.ctypes.data) // TICK.itemsize
            self._records[index] = np.zeros(1, dtype=TICK)[0]
            self._records[index]["tick"] = self.written
            self.written += 1

    def take(self, most: int) -> NDArray[np.void]:
        out = np.empty(most, dtype=TICK)
        count = self._library.ticks_take(ctypes.byref(self._ring), ctypes.c_void_p(out.ctypes.data), most)
        return out[:count]

    @property
    def lost(self) -> int:
        return int(self._ring.lost)


@pytest.fixture
def ring(rings: ctypes.CDLL) -> TickRing:
    return TickRing(rings)


def test_records_come_out_as_they_went_in(ring: TickRing) -> None:
    ring.write(5)
    assert ring.take(3)["tick"].tolist() == [0, 1, 2]
    assert ring.take(9)["tick"].tolist() == [3, 4]
    assert ring.take(9).size == 0


def test_a_late_reader_loses_the_oldest_and_is_told(ring: TickRing) -> None:
    ring.write(KEPT + 3)
    taken = ring.take(KEPT + 10)
    assert taken["tick"].tolist() == list(range(3, KEPT + 3))
    assert [TickFlag(int(flags)) for flags in taken["flags"][:2]] == [TickFlag.OVERFLOW, TickFlag(0)]
    assert ring.lost == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 200)), max_size=12))
def test_what_is_not_lost_comes_out_once_and_in_order(rings: ctypes.CDLL, steps: list[tuple[int, int]]) -> None:
    ring = TickRing(rings)
    taken: list[int] = []
    for writes, reads in steps:
        ring.write(writes)
        taken += ring.take(reads)["tick"].tolist()
    taken += ring.take(KEPT)["tick"].tolist()
    assert taken == sorted(set(taken))
    assert len(taken) + ring.lost == ring.written
