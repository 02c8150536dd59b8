"""Numbers as a trunk writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trunk.numbers import formatted
from gateway.trunk.settings import TrunkSettings


def trunk(**changes: object) -> TrunkSettings:
    return TrunkSettings.model_validate({"name": "carrier", "gateways": [{"host": "gw"}], **changes})


@pytest.mark.parametrize(
    ("changes", "dialled", "expected"),
    [
        ({}, "+15551234567", "+15551234567"),
        ({"leading_plus": "remove"}, "+15551234567", "15551234567"),
        ({"leading_plus": "add"}, "15551234567", "+15551234567"),
        ({"leading_plus": "add"}, "+15551234567", "+15551234567"),
        ({"leading_plus": "add"}, "200", "200"),
        ({"leading_plus": "add"}, "0015551234567", "0015551234567"),
        ({"leading_plus": "add"}, "*97", "*97"),
        ({"leading_plus": "remove"}, "anna", "anna"),
        ({"tech_prefix": "9#", "leading_plus": "remove"}, "+15551234567", "9#15551234567"),
        ({"tech_prefix": "77"}, "anna", "77anna"),
    ],
)
def test_what_is_dialled(changes: dict[str, object], dialled: str, expected: str) -> None:
    assert formatted(trunk(**changes), dialled, None, domain="gw").user == expected


def test_who_calls_is_the_one_that_is_named_else_the_trunks_own() -> None:
    shown = trunk(caller_id="+15550001", leading_plus="remove")
    assert formatted(shown, "1", None, domain="gw").caller == "15550001"
    assert formatted(shown, "1", "+15550002", domain="gw").caller == "15550002"
    assert formatted(shown, "1", "sip:+1@x", domain="gw").caller == "sip:+1@x"
    assert formatted(trunk(), "1", None, domain="gw").caller is None


@pytest.mark.parametrize(
    ("diversion", "header"),
    [
        ("+15550009", "<sip:+15550009@gw>;reason=unconditional"),
        ("sip:desk@pbx", "<sip:desk@pbx>;reason=unconditional"),
        ('"Desk" <tel:+15550009>;reason=no-answer', '"Desk" <tel:+15550009>;reason=no-answer'),
    ],
)
def test_a_diversion_is_a_number_a_uri_or_the_whole_header(diversion: str, header: str) -> None:
    assert formatted(trunk(diversion=diversion), "1", None, domain="gw").headers == {"Diversion": header}


def test_no_setting_puts_a_second_line_into_a_request() -> None:
    for field in ("diversion", "caller_id", "tech_prefix"):
        with pytest.raises(ValueError, match=field):
            trunk(**{field: "1\r\nX-Evil: 1"})


@given(st.from_regex(r"\+?[0-9*#]{1,20}", fullmatch=True), st.sampled_from(["keep", "add", "remove"]))
def test_a_number_keeps_its_digits(number: str, rule: str) -> None:
    once = formatted(trunk(leading_plus=rule), number, None, domain="gw").user
    assert once.removeprefix("+") == number.removeprefix("+")
    assert formatted(trunk(leading_plus=rule), once, None, domain="gw").user == once
