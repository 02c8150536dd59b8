from __future__ import annotations

import pytest

from gateway.call.router import route
from gateway.errors import NoRoute
from gateway.settings import RouteSettings
from tests.call.leg_double import inbound

ROUTES = [
    RouteSettings(assistant="sales", number="+49*", trunk="carrier"),
    RouteSettings(assistant="desk", number="60[01]"),
    RouteSettings(assistant="rest", trunk="pbx"),
]


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
    assert route(inbound(number=number, trunk=trunk), ROUTES) == assistant


@pytest.mark.parametrize(("number", "trunk"), [("+4930123", "pbx2"), ("602", None), ("", "carrier")])
def test_a_call_that_no_route_takes_is_refused_with_404(number: str, trunk: str | None) -> None:
    with pytest.raises(NoRoute, match="add one under routes") as refusal:
        route(inbound(number=number, trunk=trunk), ROUTES)
    assert refusal.value.status == 404
