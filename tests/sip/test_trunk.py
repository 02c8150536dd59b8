"""Addresses of trunks."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigError
from gateway.sip.settings import SipSettings
from gateway.sip.trunk import TrunkAddresses, line_of, own_contact, trunk_addresses
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
    domain = identity.split("@")[1]
    assert found == TrunkAddresses(identity, registrar, route, domain, line_of(trunk(**changes)), domain)


def test_a_trunk_without_a_registrar_is_known_by_its_gateway() -> None:
    plain = TrunkSettings.model_validate({"name": "carrier", "gateways": [{"host": "198.51.100.7", "port": 5070}]})
    found = trunk_addresses(plain)
    assert (found.identity, found.registrar, found.domain) == (
        "sip:parley@198.51.100.7:5070",
        None,
        "198.51.100.7:5070",
    )


def test_who_is_known_by_a_name_calls_and_is_reached_by_it() -> None:
    sip = SipSettings()
    plain: dict[str, object] = {"name": "teams", "gateways": [{"host": "sip.example.com"}]}
    named = TrunkSettings.model_validate({**plain, "contact_host": "sbc.example.com", "transport": "tls"})
    addresses = trunk_addresses(named)
    assert (addresses.identity, addresses.domain) == ("sip:parley@sbc.example.com", "sip.example.com")
    assert own_contact(sip, named, "parley") == "<sip:parley@sbc.example.com:5061;transport=tls>"
    assert own_contact(sip, named) == "<sip:sbc.example.com:5061;transport=tls>"
    assert own_contact(sip, TrunkSettings.model_validate(plain)) == ""


def test_a_contact_at_a_registrar_has_the_line() -> None:
    behind = trunk(public_address="2001:db8::1")
    assert own_contact(SipSettings(), behind, "100") == f"<sip:100@[2001:db8::1]:5060;line={line_of(behind)}>"


def test_a_registrar_that_is_no_address_is_named() -> None:
    with pytest.raises(ConfigError, match="'pbx' has the registrar 'http://x'"):
        trunk_addresses(trunk(registrar="http://x"))


def test_the_line_cannot_be_guessed_from_the_name() -> None:
    assert line_of(trunk(password="a")) != line_of(trunk(password="b"))
