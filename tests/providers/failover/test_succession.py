from __future__ import annotations

import pytest

from gateway.errors import (
    ProviderAuthentication,
    ProviderError,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.providers.failover.succession import Succession
from gateway.providers.health import Circuit

LOST = ProviderUnavailable("lost")
WRONG_KEY = ProviderAuthentication("wrong key")


def circuits(count: int) -> list[Circuit]:
    return [Circuit("transcriber", str(number)) for number in range(count)]


def serve(succession: Succession, now: float = 0.0) -> int | None:
    """The next one is tried, and opens."""
    number = succession.next(now)
    succession.serves(now)
    return number


def test_the_first_is_preferred_and_each_is_tried_once() -> None:
    succession = Succession(circuits(3))
    for expected in range(3):
        assert succession.next(0.0) == expected
        succession.failed(expected, 0.0, LOST, served=False)
    assert succession.next(0.0) is None


def test_an_open_circuit_is_passed_over() -> None:
    known = circuits(2)
    known[0].failed(0.0, WRONG_KEY)
    assert Succession(known).next(1.0) == 1


def test_where_all_circuits_are_open_the_first_to_close_is_tried_all_the_same() -> None:
    known = circuits(2)
    for at, circuit in zip((5.0, 0.0), known, strict=True):
        circuit.failed(at, WRONG_KEY)
    succession = Succession(known)
    assert succession.next(6.0) == 1
    succession.failed(1, 6.0, WRONG_KEY, served=False)
    assert succession.next(1.0) is None


def test_one_that_asked_to_be_left_alone_is_no_last_resort() -> None:
    (circuit,) = known = circuits(1)
    circuit.failed(0.0, ProviderRateLimit("too many", retry_after=30))
    assert Succession(known).next(1.0) is None


def test_a_connection_that_was_lost_is_made_again_once_when_nobody_else_is_there() -> None:
    succession = Succession(circuits(2))
    assert serve(succession) == 0
    succession.failed(0, 1.0, LOST, served=True)
    assert succession.next(1.0) == 1
    succession.failed(1, 1.0, LOST, served=False)
    assert serve(succession) == 0
    succession.failed(0, 2.0, LOST, served=True)
    assert succession.next(2.0) is None


@pytest.mark.parametrize(("error", "expected"), [(LOST, 0), (WRONG_KEY, None)])
def test_what_will_not_mend_is_not_tried_again(error: ProviderError, expected: int | None) -> None:
    succession = Succession(circuits(1))
    serve(succession)
    succession.failed(0, 1.0, error, served=True)
    assert succession.next(1.0) == expected


def test_after_an_answer_all_others_may_be_tried_again() -> None:
    succession = Succession(circuits(2))
    assert serve(succession) == 0
    for now, number in ((1.0, 0), (2.0, 1), (3.0, 0), (4.0, 1)):
        succession.worked(number)
        assert succession.others(now)
        succession.failed(number, now, LOST, served=True)
        assert serve(succession, now) == 1 - number


def test_one_that_was_open_for_long_and_gave_no_answer_did_not_work() -> None:
    succession = Succession(circuits(1))
    for now in (0.0, 20.0):
        assert serve(succession, now) == 0
        succession.failed(0, now + 15.0, ProviderTimeout("No answer."), served=True)
    assert succession.next(40.0) is None


def test_one_that_served_for_long_did_its_work() -> None:
    succession = Succession(circuits(1))
    for now in (0.0, 20.0, 40.0):
        assert serve(succession, now) == 0
        succession.failed(0, now + 15.0, LOST, served=True)
    assert serve(succession, 60.0) == 0
    succession.failed(0, 61.0, LOST, served=True)
    assert succession.next(61.0) is None
