"""The attempts of a call, one after the other."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.attempts import Attempt, Attempts, Failure, attempts_through
from gateway.trunk.state import GatewayState

A, B = Attempt("200", "a"), Attempt("200", "b")


def order(seed: int = 1, **gateways: GatewayState) -> list[str | None]:
    return [attempt.gateway for attempt in attempts_through("200", "t", gateways, random.Random(seed).random)]


def test_gateways_are_tried_by_priority_and_those_that_are_down_at_last() -> None:
    assert order(c=GatewayState(3, 1), a=GatewayState(1, 1, False, 408), b=GatewayState(2, 1, True, 200)) == [
        "b",
        "c",
        "a",
    ]


def test_gateways_of_a_priority_are_first_as_often_as_their_weights_say() -> None:
    first = Counter(
        order(seed, a=GatewayState(1, 3), b=GatewayState(1, 1), c=GatewayState(1, 0))[0] for seed in range(2000)
    )
    assert abs(first["a"] / 2000 - 0.75) < 0.04
    assert first["c"] == 0


def test_a_trunk_without_gateways_is_its_registrar() -> None:
    assert attempts_through("200", "t", {}, random.random) == [Attempt("200", "t")]


@pytest.mark.scenario("INV-19", peer="scripted party", transport="udp")
@pytest.mark.parametrize("status", range(400, 700))
def test_what_the_gateway_cannot_do_is_tried_at_the_next_and_what_the_callee_wants_is_kept(status: int) -> None:
    following = Attempts([A, B]).failed(Failure(status))
    assert following == (B if status in (408, 430, 480) or 500 <= status < 600 else None)


def test_the_last_attempt_is_the_last() -> None:
    attempts = Attempts([A, B])
    assert attempts.failed(Failure(503)) == B
    assert attempts.failed(Failure(503)) is None


def follow(contact: str, attempt: Attempt) -> Attempt | None:
    return None if contact.startswith("bad") else Attempt(contact, "a", hops=attempt.hops + 1)


@pytest.mark.scenario("INV-17", peer="scripted party", transport="udp")
def test_contacts_are_tried_in_their_order_before_other_trunks_and_none_twice() -> None:
    attempts = Attempts([A, B], follow)
    assert attempts.failed(Failure(302, contacts=("x", "bad", "y"))) == Attempt("x", "a", hops=1)
    assert attempts.failed(Failure(302, contacts=("x",))) == Attempt("y", "a", hops=1)
    assert attempts.failed(Failure(503)) == B


@pytest.mark.scenario("INV-17", peer="scripted party", transport="udp")
def test_a_redirection_that_may_not_be_followed_is_the_end() -> None:
    assert Attempts([A, B], follow).failed(Failure(302, contacts=("bad",))) is None
    assert Attempts([A, B], follow).failed(Failure(302)) is None


@pytest.mark.scenario("INV-17", peer="scripted party", transport="udp")
@given(st.lists(st.lists(st.text(min_size=1, max_size=2), max_size=3), max_size=40))
def test_whatever_contacts_come_five_hops_are_the_most(answers: list[list[str]]) -> None:
    attempts = Attempts([A], follow)
    for contacts in [*answers, *([["bad"]] * 200)]:
        if attempts.failed(Failure(302, contacts=tuple(contacts))) is None:
            return
        assert attempts.now.hops <= 5
    raise AssertionError("it never ends")
