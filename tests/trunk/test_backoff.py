"""Delays between attempts to register."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trunk.backoff import BASE_SECONDS, LIMIT_SECONDS, REFUSED_SECONDS, RegistrationBackoff, is_refusal

statuses = st.sampled_from([401, 403, 404, 408, 423, 480, 500, 503])
chances = st.floats(0, 1)


def delays(status: int, count: int, chance: float = 1.0) -> list[float]:
    backoff = RegistrationBackoff()
    return [backoff.failed(status, chance=chance) for _ in range(count)]


def test_delays_double_up_to_half_an_hour() -> None:
    assert delays(503, 8) == [30, 60, 120, 240, 480, 960, 1800, 1800]


@pytest.mark.scenario("REG-05", peer="virtual time", transport="none")
@given(chances, statuses.filter(is_refusal))
def test_a_refusal_is_tried_twelve_times_an_hour_at_most_and_within_ten_minutes(chance: float, status: int) -> None:
    waits = delays(status, 12, chance)
    assert sum(waits[:11]) < 3600 <= sum(waits) or sum(waits[:11]) >= 3600
    assert max(waits) <= 600
    assert 1 + sum(sum(waits[: count + 1]) < 3600 for count in range(12)) <= 12


def test_half_of_the_delay_is_chance() -> None:
    assert delays(503, 1, chance=0.0) == [BASE_SECONDS / 2]


def test_success_starts_over() -> None:
    backoff = RegistrationBackoff()
    for _ in range(5):
        backoff.failed(503, chance=1)
    backoff.succeeded()
    assert backoff.failed(503, chance=1) == BASE_SECONDS


def test_the_registrar_may_ask_for_more_time_but_not_for_ever() -> None:
    assert RegistrationBackoff().failed(503, chance=0, retry_after=120) >= 120
    assert RegistrationBackoff().failed(503, chance=1, retry_after=10**9) <= 3603
    assert RegistrationBackoff().failed(503, chance=1, retry_after=0) == BASE_SECONDS


@given(st.lists(st.tuples(statuses, chances), max_size=2000))
def test_it_never_gives_up_and_each_wait_is_inside_the_law(failures: list[tuple[int, float]]) -> None:
    backoff = RegistrationBackoff()
    for count, (status, chance) in enumerate(failures):
        upper = REFUSED_SECONDS if is_refusal(status) else min(LIMIT_SECONDS, BASE_SECONDS * 2 ** min(count, 16))
        assert upper / 2 <= backoff.failed(status, chance=chance) <= upper
