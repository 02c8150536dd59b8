"""Circuits, by injected time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderUnavailable,
)
from gateway.providers.health import Circuit, CircuitRules, Health

DOWN = ProviderUnavailable("It is down.")


def opened(now: float = 0.0) -> Circuit:
    circuit = Circuit("model", "openai", CircuitRules(failures=1, open_seconds=10))
    circuit.failed(now, DOWN)
    return circuit


# ---------------------------------------------------------------- opening


def test_failures_in_a_row_open_it() -> None:
    circuit = Circuit("model", "openai", CircuitRules(failures=3, open_seconds=10))
    for _ in range(2):
        circuit.failed(0, DOWN)
        circuit.failed(0, DOWN)
        circuit.succeeded()
    assert circuit.admits(0)
    for _ in range(3):
        circuit.failed(5, DOWN)
    assert (circuit.state(5), circuit.admits(14.9), circuit.open_seconds(6)) == ("open", False, 9)
    assert (circuit.successes, circuit.failures, circuit.last_error) == (2, 7, "It is down.")


@pytest.mark.parametrize("error", [ProviderAuthentication("Wrong key."), ProviderQuota("No credit.")])
def test_what_does_not_mend_itself_opens_it_at_once_and_for_long(error: ProviderError) -> None:
    circuit = Circuit("model", "openai")
    circuit.failed(0, error)
    assert circuit.open_seconds(0) == 60


def test_a_bad_request_does_not_count() -> None:
    circuit = Circuit("model", "openai", CircuitRules(failures=1))
    circuit.failed(0, ProviderBadRequest("Too long."))
    assert (circuit.state(0), circuit.failures) == ("closed", 0)


def test_a_bad_request_as_the_trial_lets_the_next_call_try() -> None:
    circuit = opened()
    assert circuit.admits(10)
    circuit.failed(10.1, ProviderBadRequest("Too long."))
    assert circuit.admits(10.2)


@pytest.mark.parametrize(("asked", "seconds"), [(0.5, 0.5), (30, 30), (86_400, 3600)])
def test_retry_after_is_honoured(asked: float, seconds: float) -> None:
    circuit = Circuit("model", "openai")
    circuit.failed(100, ProviderRateLimit("Slow down.", retry_after=asked))
    assert circuit.open_seconds(100) == seconds
    assert circuit.left_alone(100)
    assert not circuit.left_alone(100 + seconds)


def test_retry_after_prolongs_what_is_open() -> None:
    circuit = opened()
    circuit.failed(1, ProviderRateLimit("Slow down.", retry_after=60))
    assert circuit.state(60.9) == "open"
    assert circuit.state(61) == "half-open"


def test_failures_of_calls_that_began_before_it_opened_change_nothing() -> None:
    circuit = opened()
    for moment in (1, 2, 3):
        circuit.failed(moment, DOWN)
    assert circuit.open_seconds(3) == 7


# ---------------------------------------------------------------- trying


def test_one_call_tries_it_and_success_closes_it() -> None:
    circuit = opened()
    assert [circuit.admits(10.0 + n / 10) for n in range(5)] == [True, False, False, False, False]
    circuit.succeeded(120)
    assert [circuit.admits(11), circuit.admits(11)] == [True, True]


def test_each_failed_trial_doubles_the_time_up_to_five_minutes() -> None:
    circuit, now, times = opened(), 0.0, list[float]()
    for _ in range(7):
        now += circuit.open_seconds(now)
        assert circuit.admits(now)
        circuit.failed(now, DOWN)
        times.append(circuit.open_seconds(now))
    assert times == [20, 40, 80, 160, 300, 300, 300]


def test_after_success_the_time_is_short_again() -> None:
    circuit = opened()
    assert circuit.admits(10)
    circuit.failed(10, DOWN)
    assert circuit.admits(30)
    circuit.succeeded()
    circuit.failed(31, DOWN)
    assert circuit.open_seconds(31) == 10


def test_a_trial_whose_call_tells_nothing_does_not_keep_it_shut() -> None:
    circuit = opened()
    assert circuit.admits(10)
    assert not circuit.admits(24)
    assert circuit.admits(25)


# ---------------------------------------------------------------- being told


def test_each_change_is_told_once() -> None:
    told: list[float] = []
    circuit = Circuit("model", "openai", CircuitRules(2, 10), lambda _, seconds: told.append(seconds))
    for moment in range(5):
        circuit.failed(moment, DOWN)
    circuit.succeeded()
    circuit.succeeded()
    assert told == [10, 0]


def test_percentiles_need_enough_results() -> None:
    circuit = Circuit("model", "openai")
    for milliseconds in range(100, 800, 100):
        circuit.succeeded(milliseconds)
    assert [circuit.first_ms_p95] == [None]
    circuit.late(5000)
    assert (circuit.first_ms_p50, circuit.first_ms_p95) == (500, 5000)


def test_one_book_has_one_circuit_for_each_provider() -> None:
    health = Health(CircuitRules(1, 5))
    assert health.circuit("model", "openai") is health.circuit("model", "openai")
    assert health.circuit("voice", "openai") is not health.circuit("model", "openai")
    assert [circuit.stage for circuit in health] == ["model", "voice"]


# ---------------------------------------------------------------- always

ERRORS = st.sampled_from(
    [
        DOWN,
        ProviderAuthentication("Wrong key."),
        ProviderBadRequest("No."),
        *(ProviderRateLimit("Slow.", retry_after=seconds) for seconds in (0.0, 2.0, 500.0)),
    ]
)


class AnyUse(RuleBasedStateMachine):
    """Calls come and go in any order, and some never tell what came of them."""

    @initialize(failures=st.integers(1, 4))
    def begin(self, failures: int) -> None:
        self.now = 0.0
        self.circuit = Circuit("model", "openai", CircuitRules(failures, 10))
        self.trial: float | None = None
        self.wished = 0.0

    @rule(seconds=st.sampled_from([0.0, 0.125, 1.0, 10.0, 16.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        state = self.circuit.state(self.now)
        admitted = self.circuit.admits(self.now)
        if state == "closed":
            assert admitted
        elif state == "open":
            assert not admitted
        elif self.trial is not None and self.now < self.trial + 15:
            assert not admitted, "two trials at once"
        else:
            assert admitted, "nobody may try it"
            self.trial = self.now

    @rule(milliseconds=st.floats(1, 5000))
    def succeed(self, milliseconds: float) -> None:
        self.circuit.succeeded(milliseconds)
        self.trial, self.wished = None, 0.0
        assert self.circuit.state(self.now) == "closed"

    @rule(error=ERRORS)
    def fail(self, error: ProviderError) -> None:
        self.circuit.failed(self.now, error)
        if error.retry_after:
            self.wished = self.now + error.retry_after
        self.trial = None

    @precondition(lambda self: self.trial is not None)
    @rule()
    def abandon(self) -> None:
        self.circuit.abandoned()
        self.trial = None

    @invariant()
    def it_is_never_shut_for_longer_than_it_may_be(self) -> None:
        if hasattr(self, "circuit"):
            assert self.circuit.open_seconds(self.now) <= 500
            assert self.circuit.state(self.now + 500) != "open"

    @invariant()
    def a_provider_that_asked_for_it_is_left_alone(self) -> None:
        if hasattr(self, "circuit") and self.now < self.wished:
            assert self.circuit.state(self.now) == "open"


TestAnyUse = AnyUse.TestCase


@given(st.lists(st.floats(0, 10_000), min_size=8, max_size=120))
def test_percentiles_are_results_in_order(results: list[float]) -> None:
    circuit = Circuit("model", "openai")
    for result in results:
        circuit.succeeded(result)
    p50, p95 = circuit.first_ms_p50, circuit.first_ms_p95
    assert p50 is not None
    assert p95 is not None
    assert p50 <= p95
    assert {p50, p95} <= set(results[-50:])
