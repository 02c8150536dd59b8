"""Which route has a call."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import NoRoute
from gateway.routing.decision import decide, drawn
from gateway.routing.explanation import told_decision, told_routes
from gateway.routing.settings import RouteSettings
from tests.call.leg_double import inbound

MONDAY_18H = datetime(2026, 11, 23, 18, tzinfo=UTC)
ROUTES = [
    RouteSettings(assistant="sales", number="+49*", trunk="carrier"),
    RouteSettings(assistant="desk", number="60[01]"),
    RouteSettings(assistant="rest", trunk="pbx"),
]


def route(**conditions: Any) -> RouteSettings:
    return RouteSettings.model_validate({"assistant": "desk", **conditions})


def takes(conditions: RouteSettings, **call: Any) -> bool:
    try:
        decide(inbound(**call), [conditions], MONDAY_18H)
    except NoRoute:
        return False
    return True


@pytest.mark.parametrize(
    ("number", "trunk", "assistant"),
    [
        ("+4930123", "carrier", "sales"),
        ("600", "carrier", "desk"),
        ("601", None, "desk"),
        ("anything", "pbx", "rest"),
        ("600", "pbx", "desk"),
    ],
)
def test_the_first_route_whose_conditions_hold_answers(number: str, trunk: str | None, assistant: str) -> None:
    assert decide(inbound(number=number, trunk=trunk), ROUTES, MONDAY_18H).assistant == assistant


@pytest.mark.parametrize(("number", "trunk"), [("+4930123", "pbx2"), ("602", None), ("", "carrier")])
def test_a_call_that_no_route_takes_is_refused_with_404(number: str, trunk: str | None) -> None:
    with pytest.raises(NoRoute, match="add one under routes") as refusal:
        decide(inbound(number=number, trunk=trunk), ROUTES, MONDAY_18H)
    assert refusal.value.status == 404


@pytest.mark.parametrize(
    ("pattern", "number", "fits"),
    [
        (r"/^\+49(30|40)\d+$/", "+4930123", True),
        (r"/^\+49(30|40)\d+$/", "+4989123", False),
        ("/00$/", "4200", True),
        ("+49*", "+4930", True),
        ("600", "6001", False),
        ("/", "/", True),
    ],
)
def test_a_number_is_compared_with_a_shell_pattern_or_a_regular_expression(
    pattern: str, number: str, fits: bool
) -> None:
    assert takes(route(number=pattern), number=number) is fits


@pytest.mark.parametrize(
    ("caller", "fits"),
    [
        ("sip:+4930555@pbx", True),
        ("+4930555", True),
        ("<sip:+4930555@pbx>", True),
        ("tel:+4930555", True),
        ("sip:+33@pbx", False),
        ("", False),
    ],
)
def test_a_caller_is_known_by_its_number_however_it_is_written(caller: str, fits: bool) -> None:
    assert takes(route(caller="+49*"), caller=caller) is fits


def test_a_caller_is_known_by_its_whole_address_too() -> None:
    assert takes(route(caller="sip:*@pbx.example.com"), caller="sip:ann@PBX.example.com")


def test_all_headers_must_fit_whatever_their_capitals() -> None:
    both = route(headers={"X-Tenant": "bak*", "x-tier": "gold"})
    assert takes(both, headers={"x-tenant": "bakery", "X-Tier": "gold"})
    assert not takes(both, headers={"X-Tenant": "bakery"})
    assert not takes(both, headers={"X-Tenant": "bakery", "X-Tier": "silver"})


def test_a_call_by_an_organisations_trunk_is_for_routes_that_name_the_trunk() -> None:
    call = inbound(number="600", trunk="c-1")
    with pytest.raises(NoRoute):
        decide(call, [route()], MONDAY_18H, foreign=True)
    assert decide(call, [route(), route(assistant="own", trunk="c-1")], MONDAY_18H, foreign=True).assistant == "own"


@given(st.text(), st.dictionaries(st.text(min_size=1), st.floats(0.001, 1000), min_size=1))
def test_a_call_is_drawn_alike_each_time_that_it_comes(call_id: str, shares: dict[str, float]) -> None:
    assert drawn(shares, call_id) == drawn(dict(shares), call_id)
    assert drawn(shares, call_id) in shares


def test_a_split_divides_calls_by_weight() -> None:
    counts = Counter(drawn({"a": 70, "b": 20, "c": 10}, f"{index}@host") for index in range(5000))
    assert [round(counts[name] / 5000, 1) for name in "abc"] == [0.7, 0.2, 0.1]


def test_the_decision_tells_why_each_route_has_the_call_or_not() -> None:
    routes = [
        route(name="night", when={"timezone": "Europe/Berlin", "hours": "20:00-06:00"}),
        route(number="6*", headers={"X-Tenant": "bakery"}),
        route(number="60?", fallback={"number": "700"}),
        route(),
    ]
    decision = decide(inbound(number="600"), routes, MONDAY_18H)
    assert list(told_routes(decision.judged)) == [
        "no  routes[0] night: time Mon 2026-11-23 19:00 Europe/Berlin is not in daily 20:00-06:00 Europe/Berlin",
        "no  routes[1]: header X-Tenant none is not bakery",
        "yes routes[2]: number 600 fits 60?",
        "-   routes[3]: it takes every call (an earlier route has the call)",
    ]
    assert told_decision(decision) == "routes[2]: assistant desk, else sent on to 700"
