"""Routes as they are written, and those without effect."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.errors import NoRoute
from gateway.routing.coverage import covers, without_effect
from gateway.routing.decision import decide
from gateway.routing.settings import RouteSettings
from tests.call.leg_double import inbound
from tests.routing.test_decision import MONDAY_18H


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"assistant": "a", "split": {"a": 1}},
        {"split": {"a": 0}},
        {"assistant": "a", "number": "/(/"},
        {"destination": {}},
        {"destination": {"number": "1", "sip_uri": "sip:a@b"}},
        {"server": {"url": "example.com"}},
        {"assistant": "a", "colour": "red"},
    ],
)
def test_a_route_that_cannot_be_followed_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RouteSettings.model_validate(wrong)


def routes(*written: dict[str, Any]) -> list[RouteSettings]:
    return [RouteSettings.model_validate({"assistant": "a", **one}) for one in written]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ([{}, {"number": "600"}], [(1, 0)]),
        ([{"number": "6*"}, {"number": "600"}, {"number": "600", "trunk": "t"}], [(1, 0), (2, 0)]),
        ([{"number": "6*", "trunk": "t"}, {"number": "600"}], []),
        ([{"number": "600"}, {}], []),
        ([{"headers": {"X-A": "1"}}, {"headers": {"x-a": "1", "X-B": "2"}}], [(1, 0)]),
        ([{"number": "/^6/"}, {"number": "6*"}], []),
    ],
)
def test_a_route_behind_one_that_takes_all_its_calls_is_found(
    written: list[dict[str, Any]], found: list[tuple[int, int]]
) -> None:
    assert list(without_effect(routes(*written))) == found


NUMBERS = st.sampled_from(["*", "6*", "60?", "600", "7*", "/^6/", "/00$/"])
ROUTE = st.builds(
    lambda number, trunk, header: RouteSettings(assistant="a", number=number, trunk=trunk, headers=header),
    NUMBERS,
    st.sampled_from([None, "t", "u"]),
    st.sampled_from([{}, {"X-A": "1"}, {"X-A": "*"}]),
)
CALL = st.builds(
    lambda number, trunk, headers: inbound(number=number, trunk=trunk, headers=headers),
    st.sampled_from(["600", "60", "700", ""]),
    st.sampled_from([None, "t", "u"]),
    st.sampled_from([{}, {"x-a": "1"}, {"X-A": "2"}]),
)


@given(ROUTE, ROUTE, CALL)
def test_a_route_that_is_said_to_have_no_effect_has_none(wide: RouteSettings, narrow: RouteSettings, call: Any) -> None:
    if covers(wide, narrow):
        with contextlib.suppress(NoRoute):
            assert decide(call, [wide, narrow], MONDAY_18H).route is wide
