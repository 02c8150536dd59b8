from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.impairment import PACKET_MS, Impairer, Impairments

PACKETS = 20_000


def fates(impairments: Impairments, *, seed: int = 7, packets: int = PACKETS) -> list[tuple[float, ...]]:
    """When each of evenly sent packets goes on, ms after it came."""
    impairer = Impairer(impairments, seed)
    return [tuple(at - index * PACKET_MS for at in impairer.packet(index * PACKET_MS)) for index in range(packets)]


def bursts(found: list[tuple[float, ...]]) -> list[int]:
    """How many packets were lost each time."""
    lengths, running = [], 0
    for fate in [*found, (0.0,)]:
        if not fate:
            running += 1
        elif running:
            lengths.append(running)
            running = 0
    return lengths


IMPAIRMENTS = st.builds(
    Impairments,
    loss=st.floats(0, 1),
    burst_loss=st.floats(0, 0.5),
    burst_packets=st.floats(1, 10),
    delay_ms=st.floats(0, 500),
    jitter_ms=st.floats(0, 200),
    jitter=st.sampled_from(["uniform", "normal", "exponential"]),
    jitter_reorders=st.booleans(),
    reorder=st.floats(0, 1),
    reorder_depth=st.integers(1, 5),
    duplicates=st.floats(0, 1),
    drift_ppm=st.floats(-500, 500),
    surges=st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 500)), max_size=2).map(tuple),
    black_holes=st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 2000)), max_size=2).map(tuple),
)


@given(IMPAIRMENTS, st.integers())
def test_the_same_seed_makes_the_same_fate_of_every_packet(impairments: Impairments, seed: int) -> None:
    assert fates(impairments, seed=seed, packets=60) == fates(impairments, seed=seed, packets=60)


@given(IMPAIRMENTS, st.integers())
def test_no_packet_goes_on_before_it_came(impairments: Impairments, seed: int) -> None:
    assert all(later >= 0 for fate in fates(impairments, seed=seed, packets=60) for later in fate)


@given(IMPAIRMENTS)
def test_impairments_are_the_same_in_another_process(impairments: Impairments) -> None:
    assert Impairments.from_json(impairments.as_json()) == impairments


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.10])
def test_random_loss_is_what_was_asked(loss: float) -> None:
    found = fates(Impairments(loss=loss))
    assert sum(not fate for fate in found) / PACKETS == pytest.approx(loss, abs=0.005)
    assert sum(bursts(found)) / len(bursts(found)) < 1.2


def test_burst_loss_has_its_rate_and_its_length() -> None:
    found = fates(Impairments(burst_loss=0.05, burst_packets=3), packets=100_000)
    assert sum(not fate for fate in found) / 100_000 == pytest.approx(0.05, abs=0.005)
    assert sum(bursts(found)) / len(bursts(found)) == pytest.approx(3, abs=0.2)


def test_a_packet_is_lost_by_its_place_whatever_else_happens() -> None:
    alone = [not fate for fate in fates(Impairments(loss=0.05))]
    jittered = [not fate for fate in fates(Impairments(loss=0.05, jitter_ms=60, delay_ms=20, duplicates=0.05))]
    assert alone == jittered


def test_jitter_alone_keeps_the_order() -> None:
    found = fates(Impairments(jitter_ms=60))
    arrivals = [index * PACKET_MS + fate[0] for index, fate in enumerate(found)]
    assert all(before <= after for before, after in pairwise(arrivals))
    assert max(fate[0] for fate in found) == pytest.approx(60, abs=1)


def test_reordered_packets_come_after_as_many_others_as_said() -> None:
    impairments = Impairments(reorder=0.05, reorder_depth=3)
    found = fates(impairments)
    order = sorted(range(PACKETS), key=lambda index: index * PACKET_MS + found[index][0])
    held = [index for index, fate in enumerate(found) if fate[0]]
    assert len(held) / PACKETS == pytest.approx(0.05, abs=0.01)
    position = {index: place for place, index in enumerate(order)}
    alone = [index for index in held if not set(range(index - 4, index + 5)) & set(held) - {index}]
    assert {position[index] - index for index in alone if index < PACKETS - 5} == {3}


def test_a_fast_clock_draws_on_the_delay() -> None:
    found = fates(Impairments(delay_ms=200, drift_ppm=500), packets=15_000)
    assert found[0] == (200.0,)
    assert found[-1][0] == pytest.approx(200 - 15_000 * 0.02 * 0.5, abs=0.1)


def test_paced_packets_go_on_evenly_however_they_came() -> None:
    impairer = Impairer(Impairments(delay_ms=100, paced=True), 1)
    came = [0.0, 31.0, 35.0, 70.0, 95.0]
    assert [impairer.packet(at, 7000 + 160 * index)[0] for index, at in enumerate(came)] == [100, 120, 140, 160, 180]


def test_what_comes_in_a_surge_goes_on_at_its_end() -> None:
    found = fates(Impairments(surges=((1000, 200),)), packets=100)
    assert [fate[0] for fate in found[50:60]] == [200 - 20 * index for index in range(10)]
    assert {fate[0] for fate in found[:50] + found[60:]} == {0.0}


def test_a_black_hole_takes_media_and_control() -> None:
    impairer = Impairer(Impairments(black_holes=((100, 200),)), 1)
    assert [bool(impairer.packet(at)) for at in (0, 80, 100, 180, 200)] == [True, True, False, False, True]
    assert [bool(impairer.control_packet(at)) for at in (90, 150, 210)] == [True, False, True]
