"""Delays between attempts to register."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.trunk.backoff import FIRST_SECONDS, LIMIT_SECONDS, REFUSED_SECONDS, RegistrationBackoff

statuses = st.sampled_from([401, 403, 404, 408, 423, 480, 500, 503])
chances = st.floats(0, 1)


def delays(status: int, count: int, chance: float = 1.0) -> list[float]:
    backoff = RegistrationBackoff()
    return [backoff.failed(status, chance=chance) for _ in range(count)]


def test_delays_double_up_to_five_minutes() -> None:
    assert delays(503, 10) == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_refusal_of_our_credentials_is_not_hammered() -> None:
    assert delays(403, 4) == [60, 120, 240, 300]


def test_half_of_the_delay_is_chance() -> None:
    assert delays(503, 1, chance=0.0) == [FIRST_SECONDS / 2]


def test_success_starts_over() -> None:
    backoff = RegistrationBackoff()
    for _ in range(5):
        backoff.failed(503, chance=1)
    backoff.succeeded()
    assert backoff.failed(503, chance=1) == FIRST_SECONDS


def test_the_registrar_may_ask_for_more_time_but_not_for_ever() -> None:
    assert RegistrationBackoff().failed(503, chance=0, retry_after=120) >= 120
    assert RegistrationBackoff().failed(503, chance=1, retry_after=10**9) <= 3601
    assert RegistrationBackoff().failed(503, chance=1, retry_after=0) == FIRST_SECONDS


@given(st.lists(st.tuples(statuses, chances), max_size=2000))
def test_it_never_gives_up_and_never_waits_for_long(failures: list[tuple[int, float]]) -> None:
    backoff = RegistrationBackoff()
    for status, chance in failures:
        delay = backoff.failed(status, chance=chance)
        least = REFUSED_SECONDS / 2 if status in (401, 403, 404, 407) else FIRST_SECONDS / 2
        assert least <= delay <= LIMIT_SECONDS
