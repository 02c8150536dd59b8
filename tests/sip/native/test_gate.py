"""When the reader of the tick records is woken: gate.h."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest


class Gate:
    """gate.h; one per process, so each test leaves it without legs."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._legs = 0
        self._clock = 0
        library.gate_wait.restype = ctypes.c_bool
        library.gate_create()
        library.gate_shut()

    def join(self) -> None:
        """A leg has its first frame, in a tick of its own."""
        self.tick()
        self.arrive(first=True)

    def tick(self) -> None:
        self._clock += 160

    def arrive(self, *, first: bool = False) -> None:
        self._legs += first
        self._library.gate_arrive(ctypes.c_uint64(self._clock), ctypes.c_bool(first))

    def leave(self) -> None:
        self._legs -= 1
        self._library.gate_leave()

    def drained(self) -> None:
        self._library.gate_shut()

    @property
    def opened(self) -> bool:
        return bool(self._library.gate_wait(0))

    def close(self) -> None:
        while self._legs:
            self.leave()


@pytest.fixture
def gate(rings: ctypes.CDLL) -> Iterator[Gate]:
    gate = Gate(rings)
    for _ in range(3):
        gate.join()
    gate.tick()
    gate.drained()
    yield gate
    gate.close()


def test_it_opens_with_the_last_leg_of_a_tick(gate: Gate) -> None:
    gate.arrive()
    gate.arrive()
    assert not gate.opened
    gate.arrive()
    assert gate.opened


def test_it_is_shut_by_a_drain_until_the_next_tick_is_whole(gate: Gate) -> None:
    for _ in range(3):
        gate.arrive()
    gate.drained()
    assert not gate.opened
    gate.tick()
    for _ in range(3):
        gate.arrive()
    assert gate.opened


def test_a_missing_leg_delays_the_others_by_one_tick(gate: Gate) -> None:
    gate.arrive()
    gate.arrive()
    gate.tick()
    assert not gate.opened
    gate.arrive()
    assert gate.opened


def test_a_leg_that_leaves_is_not_waited_for(gate: Gate) -> None:
    gate.arrive()
    gate.arrive()
    gate.leave()
    assert gate.opened


def test_a_new_leg_is_waited_for_from_its_second_tick(gate: Gate) -> None:
    for _ in range(3):
        gate.arrive()
    gate.arrive(first=True)
    assert gate.opened
    gate.drained()
    gate.tick()
    for _ in range(3):
        gate.arrive()
    assert not gate.opened
    gate.arrive()
    assert gate.opened


def test_an_idle_gate_stays_shut(gate: Gate) -> None:
    assert not gate.opened
