"""Addresses of trunks."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigError
from gateway.sip.trunk import TrunkAddresses, line_of, trunk_addresses
from gateway.trunk.settings import TrunkSettings


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


def test_a_trunk_without_a_registrar_is_known_by_its_gateway() -> None:
    plain = TrunkSettings.model_validate({"name": "carrier", "gateways": [{"host": "198.51.100.7", "port": 5070}]})
    found = trunk_addresses(plain)
    assert (found.identity, found.registrar, found.domain) == (
        "sip:parley@198.51.100.7:5070",
        None,
        "198.51.100.7:5070",
    )


def test_a_registrar_that_is_no_address_is_named() -> None:
    with pytest.raises(ConfigError, match="'pbx' has the registrar 'http://x'"):
        trunk_addresses(trunk(registrar="http://x"))


def test_the_line_cannot_be_guessed_from_the_name() -> None:
    assert line_of(trunk(password="a")) != line_of(trunk(password="b"))
