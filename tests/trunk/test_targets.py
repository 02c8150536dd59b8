"""Which of a registrar's hosts is used, in virtual time."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trunk.targets import AVOIDED_SECONDS, Target, Targets

FIRST, SECOND, THIRD = Target("a", 5060, 1, 1), Target("b", 5060, 2, 1), Target("c", 5060, 3, 1)


def chance() -> float:
    return 0.5


def targets(*found: Target) -> Targets:
    made = Targets()
    made.renew(found or (SECOND, FIRST, THIRD))
    return made


@pytest.mark.scenario("REG-07", peer="virtual time", transport="none")
def test_the_next_is_tried_when_one_fails_and_the_first_is_back_in_use_after_a_while() -> None:
    made = targets()
    assert made.choose(None, now=0, chance=chance) == FIRST
    assert made.failed(FIRST, now=0)
    assert made.choose(FIRST, now=0, chance=chance) == SECOND
    assert made.failed(SECOND, now=1)
    assert made.choose(SECOND, now=1, chance=chance) == THIRD
    assert not made.failed(THIRD, now=2)
    assert made.choose(THIRD, now=AVOIDED_SECONDS, chance=chance) == FIRST


def test_one_of_equals_is_kept_once_it_is_chosen() -> None:
    equals = [Target(str(index), 5060, 1, 1) for index in range(4)]
    made = targets(*equals)
    assert {made.choose(equals[2], now=0, chance=random.Random(seed).random) for seed in range(50)} == {equals[2]}


@pytest.mark.scenario("REG-07", peer="virtual time", transport="none")
def test_accounts_are_spread_by_weight() -> None:
    made = targets(Target("a", 5060, 1, 70), Target("b", 5060, 1, 30))
    draw = random.Random(3).random
    chosen = Counter(one.address for _ in range(1000) if (one := made.choose(None, now=0, chance=draw)))
    assert abs(chosen["a"] / 1000 - 0.7) < 0.05


def test_what_was_found_stays_until_more_is_found() -> None:
    made = targets(FIRST)
    assert made.choose(None, now=1e9, chance=chance) == FIRST
    assert Targets().choose(None, now=0, chance=chance) is None


@given(st.lists(st.integers(0, 2), max_size=30), st.floats(0, 10))
def test_there_is_always_somebody_to_try(failures: list[int], step: float) -> None:
    made, now = targets(), 0.0
    for index in failures:
        now += step
        made.failed((FIRST, SECOND, THIRD)[index], now=now)
        assert made.choose(None, now=now, chance=chance) is not None
