"""Addresses of trunks, and which trunk a call came by."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigError
from gateway.settings import TrunkSettings
from gateway.sip.headers import parse_message
from gateway.sip.trunk import TrunkAddresses, line_of, trunk_addresses, trunk_of_request


def trunk(name: str = "pbx", **changes: str) -> TrunkSettings:
    return TrunkSettings.model_validate(
        {"name": name, "registrar": "192.0.2.1", "username": "100", "password": "secret", **changes}
    )


@pytest.mark.parametrize(
    ("changes", "identity", "registrar", "route"),
    [
        ({}, "sip:100@192.0.2.1", "sip:192.0.2.1", None),
        ({"registrar": "sip:pbx:5080"}, "sip:100@pbx:5080", "sip:pbx:5080", None),
        ({"transport": "tcp"}, "sip:100@192.0.2.1", "sip:192.0.2.1;transport=tcp", None),
        ({"domain": "example.com"}, "sip:100@example.com", "sip:192.0.2.1", "<sip:192.0.2.1;lr>"),
    ],
)
def test_addresses(changes: dict[str, str], identity: str, registrar: str, route: str | None) -> None:
    found = trunk_addresses(trunk(**changes))
    assert found == TrunkAddresses(identity, registrar, route, identity.split("@")[1], line_of(trunk(**changes)))


def test_a_registrar_that_is_no_address_is_named() -> None:
    with pytest.raises(ConfigError, match="'pbx' has the registrar 'http://x'"):
        trunk_addresses(trunk(registrar="http://x"))


def request(uri: str, to: str = "sip:1@us") -> str:
    return f"INVITE {uri} SIP/2.0\r\nTo: <{to}>\r\n\r\n"


@pytest.mark.parametrize(
    ("uri", "to", "source", "expected"),
    [
        ("sip:x@us;line={line}", "sip:1@us", "203.0.113.9", "b"),
        ("sip:100@us", "sip:1@us", "192.0.2.1", "a"),
        ("sip:555@us", "sip:100@us", "192.0.2.1", "a"),
        ("sip:100@us", "sip:1@us", "203.0.113.9", None),
        ("sip:555@us", "sip:1@us", "192.0.2.1", None),
        ("sip:100@us;line=0000", "sip:1@us", "203.0.113.9", None),
        ("tel:+1", "sip:1@us", "203.0.113.9", None),
    ],
    ids=["line", "user and source", "to and source", "user alone", "source alone", "wrong line", "tel"],
)
def test_which_trunk_a_request_came_by(uri: str, to: str, source: str, expected: str | None) -> None:
    trunks = [trunk("a"), trunk("b", registrar="198.51.100.1", username="200")]
    message = parse_message(request(uri.format(line=line_of(trunks[1])), to))
    found = trunk_of_request(message, source, trunks)
    assert (found.name if found else None) == expected


def test_two_accounts_at_one_registrar_are_told_apart() -> None:
    trunks = [trunk("a"), trunk("b", username="200")]
    found = trunk_of_request(parse_message(request("sip:200@us")), "192.0.2.1", trunks)
    assert found is trunks[1]


def test_the_line_cannot_be_guessed_from_the_name() -> None:
    assert line_of(trunk(password="a")) != line_of(trunk(password="b"))
