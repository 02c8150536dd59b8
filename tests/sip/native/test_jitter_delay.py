"""When the jitter buffer has a step of delay more or less (delay.h), in virtual time."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

TICK_US = STEP_US = 20_000
_SECOND_US = 1_000_000
_I64 = ctypes.c_int64


@dataclass
class Line:
    """A sender whose packets wait `spare_us` for their tick, less by how late each is; the buffer does what is wished.

    `steps` are the times at which there was a step more (+1) or less (-1); `dry` those at which nothing was there.
    """

    rule: ctypes.CDLL
    spare_us: float = 8_000
    ppm: float = 0
    state: ctypes.Array[ctypes.c_char] = field(default_factory=lambda: ctypes.create_string_buffer(512))
    now: int = 0
    steps: list[tuple[int, int]] = field(default_factory=list)
    dry: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rule.rule_reset(self.state)

    def tick(self, late_us: float = 0) -> None:
        """One packet is taken that came `late_us` after its time."""
        self.now += TICK_US
        self.spare_us += TICK_US * self.ppm * 1e-6
        waited = self.spare_us - late_us
        if waited < 0:
            self.dry.append(self.now)
            grown = int(-waited // STEP_US + 1) * STEP_US
            self.spare_us += grown
            waited += grown
            self.rule.rule_ran_dry(self.state, _I64(self.now), _I64(grown))
        self.rule.rule_heard(self.state, _I64(self.now), _I64(int(waited)))
        self.step()

    def step(self) -> None:
        wish = self.rule.rule_wish(self.state, _I64(self.now))
        if wish and self.rule.rule_is_urgent(self.state, _I64(self.now)):
            self.steps.append((self.now, wish))
            self.spare_us += wish * STEP_US
            self.rule.rule_moved(self.state, _I64(self.now), _I64(wish * STEP_US))

    def run(self, seconds: float, late_us: Callable[[], float] = lambda: 0.0) -> None:
        for _ in range(int(seconds * _SECOND_US / TICK_US)):
            self.tick(late_us())

    def missed(self, late_us: float) -> None:
        """A packet came after its tick."""
        self.rule.rule_missed(self.state, _I64(self.now), _I64(int(late_us)))


@pytest.mark.parametrize("ppm", [100, -100, 500, -500])
@pytest.mark.parametrize("spare_us", [1_500, 22_000])
def test_a_clock_that_drifts_costs_only_the_steps_that_it_must(jitter: ctypes.CDLL, ppm: int, spare_us: int) -> None:
    chance = random.Random(1)
    line = Line(jitter, spare_us, ppm)
    line.run(600, lambda: abs(chance.gauss(0, 200)))
    assert not line.dry
    assert abs(len(line.steps) - 600 * abs(ppm) / 20_000) <= 1.5
    assert 0 < line.spare_us < 1.8 * STEP_US


@pytest.mark.parametrize("ppm", [100, 500])
def test_audio_of_a_fast_sender_never_waits_more_than_a_step_longer_than_at_its_beginning(
    jitter: ctypes.CDLL, ppm: int
) -> None:
    chance = random.Random(1)
    line = Line(jitter, 4_600, ppm)
    waits = []
    for _ in range(600):
        line.run(1, lambda: abs(chance.gauss(0, 200)))
        waits.append(line.spare_us)
    means = [sum(waits[second : second + 10]) / 10 for second in range(len(waits) - 10)]
    assert max(means) - means[0] <= STEP_US


def test_a_line_that_is_even_has_no_steps(jitter: ctypes.CDLL) -> None:
    chance = random.Random(2)
    for spare_us in range(2_000, 24_000, 3_000):
        line = Line(jitter, spare_us)
        line.run(40, lambda: chance.random() * 500)
        assert (line.steps, line.dry) == ([], [])


def test_what_a_surge_left_is_gone_five_seconds_later(jitter: ctypes.CDLL) -> None:
    line = Line(jitter)
    line.run(10)
    line.tick(late_us=200_000)
    assert line.spare_us > 200_000
    line.run(5)
    assert line.spare_us <= 8_000 + STEP_US
    line.run(10)
    assert line.spare_us <= 8_000 + STEP_US
    assert len(line.dry) == 1


@pytest.mark.parametrize("most_us", [20_000, 60_000])
def test_jitter_is_learnt_once(jitter: ctypes.CDLL, most_us: int) -> None:
    chance = random.Random(3)
    line = Line(jitter)
    line.run(20, lambda: chance.random() * most_us)
    known = len(line.dry)
    line.run(100, lambda: chance.random() * most_us)
    assert len(line.dry) - known <= 1
    assert line.steps == []
    assert line.spare_us < most_us + 1.2 * STEP_US


def test_packets_in_another_order_are_waited_for_while_they_come(jitter: ctypes.CDLL) -> None:
    line = Line(jitter)

    def reordered(late_us: float) -> None:
        """One packet of twenty is late by so much."""
        for index in range(20 * 50):
            if index % 20:
                line.tick()
            elif line.spare_us < late_us:
                line.missed(late_us - line.spare_us)
            else:
                line.tick(late_us)

    reordered(70_000)
    assert 70_000 <= line.spare_us <= 70_000 + 1.2 * STEP_US
    learnt = len(line.steps)
    reordered(70_000)
    assert len(line.steps) == learnt
    line.run(200)
    assert line.spare_us < 1.3 * STEP_US, "it is given back"


def test_one_packet_that_is_late_is_an_accident(jitter: ctypes.CDLL) -> None:
    line = Line(jitter)
    for _ in range(10):
        line.run(10)
        line.missed(50_000)
    assert line.steps == []


def test_trouble_after_a_step_less_makes_the_next_one_later(jitter: ctypes.CDLL) -> None:
    line = Line(jitter, 30_000)
    line.run(15)
    assert [wish for _, wish in line.steps] == [-1]
    first = line.steps[0][0]
    line.tick(late_us=line.spare_us + 15_000)
    again = line.now
    line.run(40)
    assert line.steps[1][0] - again > 1.5 * first
