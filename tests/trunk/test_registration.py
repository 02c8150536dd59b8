"""What is known of a registration, and when the next attempt is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trunk.registration import Registration


def test_the_first_attempt_is_due_at_once_and_only_once() -> None:
    registration = Registration()
    assert registration.take(0.0)
    assert not registration.take(1000.0)


def test_a_failure_is_tried_again_after_its_delay() -> None:
    registration = Registration()
    registration.take(0.0)
    delay = registration.failed(503, "Service Unavailable", now=10.0, chance=1.0)
    assert not registration.take(10.0 + delay - 0.1)
    assert registration.take(10.0 + delay)
    assert (registration.state.registered, registration.state.status, registration.state.failures) == (False, 503, 1)


@pytest.mark.scenario("REG-03", peer="virtual time", transport="none")
@given(st.integers(1, 7200), st.floats(0, 1))
def test_it_is_refreshed_between_half_and_nine_tenths_of_what_was_granted(granted: int, chance: float) -> None:
    registration = Registration()
    registration.take(0.0)
    registration.accepted(200, "OK", granted, now=100.0, chance=chance)
    assert not registration.take(100.0 + 0.5 * granted)
    assert registration.take(100.0 + 0.9 * granted)
    assert registration.state.registered


def test_success_forgets_the_failures() -> None:
    registration = Registration()
    registration.take(0.0)
    registration.failed(403, "Forbidden", now=0.0, chance=1.0)
    registration.accepted(200, "OK", 300, now=0.0, chance=0.0)
    assert (registration.state.expires_seconds, registration.state.failures) == (300, 0)


def test_a_registrar_that_is_back_is_not_waited_for_but_one_that_refused_is() -> None:
    for status, retry_after, due in ((408, None, True), (503, None, True), (403, None, False), (503, 120, False)):
        registration = Registration()
        registration.take(0.0)
        registration.failed(status, "", now=0.0, chance=1.0, retry_after=retry_after)
        registration.released(now=1.0)
        assert registration.take(1.0) is due


def test_a_lost_connection_registers_again_within_a_second() -> None:
    registration = Registration()
    registration.take(0.0)
    registration.accepted(200, "OK", 300, now=0.0, chance=0.0)
    registration.lost(now=50.0, chance=0.5)
    assert not registration.take(50.4)
    assert registration.take(50.5)


def test_connections_that_come_and_go_do_not_make_us_hammer_the_registrar() -> None:
    registration = Registration()
    registration.take(0.0)
    registration.accepted(200, "OK", 300, now=100.0, chance=0.0)
    for now in range(101, 129):
        registration.lost(now=float(now), chance=0.0)
        assert not registration.take(float(now))
    assert registration.take(130.0)


def test_a_lost_connection_does_not_shorten_a_back_off() -> None:
    registration = Registration()
    registration.take(0.0)
    delay = registration.failed(403, "Forbidden", now=0.0, chance=1.0)
    registration.lost(now=1.0, chance=0.0)
    assert not registration.take(delay - 1)


def test_a_registration_that_could_not_be_refreshed_ends_with_the_time_that_was_granted() -> None:
    registration = Registration()
    registration.take(0.0)
    registration.accepted(200, "OK", 300, now=0.0, chance=0.0)
    assert not registration.lapsed(299.0)
    assert registration.lapsed(300.0)
    assert not registration.lapsed(301.0)
    assert (registration.state.registered, registration.state.reason) == (False, "expired")
