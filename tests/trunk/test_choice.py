"""The order in which hosts are tried."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trunk.choice import gateways_in_order, in_order
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import GatewayState


@dataclass(frozen=True)
class Host:
    name: str
    priority: int = 1
    weight: int = 1


def seeded(seed: int = 1) -> Callable[[], float]:
    return random.Random(seed).random


@pytest.mark.scenario("REG-07", peer="virtual time", transport="none")
def test_equals_come_first_as_often_as_their_weights_say() -> None:
    hosts = [Host("a", weight=60), Host("b", weight=30), Host("c", weight=10), Host("d", priority=2, weight=1000)]
    chance = seeded(20)
    first = Counter(in_order(hosts, chance)[0].name for _ in range(1000))
    assert first["d"] == 0
    for name, share in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
        assert abs(first[name] / 1000 - share) < 0.05


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100)), max_size=8), st.integers())
def test_all_are_tried_by_priority(ranks: list[tuple[int, int]], seed: int) -> None:
    hosts = [Host(str(index), *rank) for index, rank in enumerate(ranks)]
    ordered = in_order(hosts, seeded(seed))
    assert sorted(ordered, key=lambda one: one.name) == sorted(hosts, key=lambda one: one.name)
    assert [one.priority for one in ordered] == sorted(one.priority for one in hosts)


def test_what_is_down_comes_last_and_what_is_not_called_not_at_all() -> None:
    trunk = TrunkSettings.model_validate(
        {
            "name": "carrier",
            "gateways": [
                {"host": "a"},
                {"host": "b", "priority": 2, "port": 5070},
                {"host": "c", "priority": 3},
                {"host": "d", "outbound": False},
            ],
        }
    )
    states = {"a": GatewayState(1, 1, False), "b:5070": GatewayState(2, 1, True)}
    assert gateways_in_order(trunk, states, seeded()) == ["b:5070", "c", "a"]
