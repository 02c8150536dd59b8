"""When a delivery that failed is tried again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings import WebhookSettings
from gateway.webhooks.retries import LONGEST_ASKED_SECONDS, LONGEST_DELAY_SECONDS, Retries, retry_after

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def delays(retries: Retries, count: int) -> list[float | None]:
    return [retries.delay(attempts, age_seconds=0) for attempts in range(1, count + 1)]


def test_without_a_plan_each_pause_is_twice_as_long_up_to_a_limit() -> None:
    assert delays(Retries.of({}, 3600), 4) == [1, 2, 4, 8]
    assert Retries.of({}, 1e9).delay(40, age_seconds=0) == LONGEST_DELAY_SECONDS


def test_without_a_plan_a_message_is_given_up_by_its_age() -> None:
    retries = Retries.of({}, 3600)
    assert retries.delay(3, age_seconds=3596) == 4
    assert retries.delay(3, age_seconds=3597) is None


def test_without_a_plan_pauses_grow_from_a_second_to_an_hour_for_three_days() -> None:
    retries, age_seconds, pauses = Retries.of({}, WebhookSettings().retry_seconds), 0.0, list[float]()
    while (pause := retries.delay(len(pauses) + 1, age_seconds=age_seconds)) is not None:
        assert pause <= age_seconds + 1
        pauses.append(pause)
        age_seconds += pause
    assert (pauses[0], pauses[-1]) == (1, 3600)
    assert 71 * 3600 < age_seconds <= 72 * 3600


def test_a_fixed_plan_has_its_retries_at_one_distance() -> None:
    plan = {"backoffPlan": {"type": "fixed", "maxRetries": 2, "baseDelaySeconds": 3}}
    assert delays(Retries.of(plan, 0), 3) == [3, 3, None]


def test_an_exponential_plan_doubles() -> None:
    plan = {"backoffPlan": {"type": "exponential", "maxRetries": 3, "baseDelaySeconds": 0.5}}
    assert delays(Retries.of(plan, 0), 4) == [0.5, 1, 2, None]


def test_an_excluded_status_is_final() -> None:
    plan = {"backoffPlan": {"type": "fixed", "maxRetries": 9, "baseDelaySeconds": 1, "excludedStatusCodes": [404]}}
    retries = Retries.of(plan, 0)
    assert retries.delay(1, age_seconds=0, status=404) is None
    assert retries.delay(1, age_seconds=0, status=500) == 1


def test_a_server_may_ask_for_a_longer_pause_within_reason() -> None:
    retries = Retries.of({}, 86_400)
    assert retries.delay(1, age_seconds=0, asked_seconds=30) == 30
    assert retries.delay(1, age_seconds=0, asked_seconds=1e6) == LONGEST_ASKED_SECONDS


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("Mon, 23 Nov 2026 01:00:30 GMT", 30),
        ("Mon, 23 Nov 2026 00:00:00 GMT", 0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


LEAVES = st.none() | st.booleans() | st.floats() | st.just(10**400) | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner)), st.integers(1, 50))
def test_no_plan_of_a_user_breaks_it(value: Any, attempts: int) -> None:
    names = ("type", "maxRetries", "baseDelaySeconds", "excludedStatusCodes")
    for plan in (value, dict.fromkeys(names, value)):
        delay = Retries.of({"backoffPlan": plan}, 60).delay(attempts, age_seconds=0, status=500)
        assert delay is None or 0 <= delay <= LONGEST_ASKED_SECONDS
