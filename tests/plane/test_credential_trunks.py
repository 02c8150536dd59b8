"""Trunks that credentials make."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plane.credential_trunks import NoTrunk, credential_trunk, without_effect
from gateway.plane.kept_trunks import read_trunks
from gateway.plane.trunk_directory import told
from gateway.trunk.settings import TrunkGateway, TrunkSettings

REGISTERED = {
    "provider": "byo-sip-trunk",
    "name": "carrier",
    "gateways": [{"ip": "203.0.113.5", "port": 5080}],
    "outboundAuthenticationPlan": {
        "authUsername": "acme",
        "authPassword": "hush",
        "sipRegisterPlan": {"realm": "carrier", "domain": "carrier.example"},
    },
}


def trunk(**body: Any) -> TrunkSettings:
    return credential_trunk("c-1", "o-1", {"gateways": [{"ip": "203.0.113.5"}], **body})


def test_a_credential_with_a_registration_is_a_trunk_that_registers_at_its_gateway() -> None:
    made = credential_trunk("c-1", "o-1", REGISTERED)
    assert (made.name, made.label, made.organisation) == ("c-1", "carrier", "o-1")
    assert (made.registrar, made.username, made.realm, made.domain) == (
        "203.0.113.5:5080",
        "acme",
        "carrier",
        "carrier.example",
    )
    assert made.password.get_secret_value() == "hush"


def test_without_a_registration_its_gateways_are_called_and_trusted() -> None:
    gateways = [
        {"ip": "198.51.100.0", "netmask": 24, "outboundEnabled": False},
        {"ip": "sip.carrier.example", "outboundProtocol": "tcp", "inboundEnabled": False, "optionsPingEnabled": True},
    ]
    made = trunk(gateways=gateways)
    assert made.registrar is None
    assert made.gateways == [
        TrunkGateway(host="198.51.100.0", transport="udp", priority=0, netmask=24, outbound=False),
        TrunkGateway(host="sip.carrier.example", priority=1, transport="tcp", inbound=False),
    ]
    assert made.qualify_seconds > 0
    assert trunk().qualify_seconds == 0


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"gateways": []}, "gateways must have at least one"),
        ({"gateways": [{"ip": "a b"}]}, "gateways.0.ip must be an address"),
        ({"gateways": [{"ip": "sip:x;lr"}]}, "gateways.0.ip must be an address"),
        ({"outboundAuthenticationPlan": {"authPassword": "hush", "sipRegisterPlan": {}}}, "username"),
        ({"gateways": [{"ip": "203.0.113.5", "netmask": 7}]}, "gateways.0.netmask is not usable"),
    ],
)
def test_what_makes_no_trunk_is_told_without_its_password(body: dict[str, Any], problem: str) -> None:
    with pytest.raises(NoTrunk) as caught:
        trunk(**body)
    assert problem in str(caught.value)
    assert "hush" not in str(caught.value)


def test_callers_are_called_on_where_the_credential_says_so() -> None:
    assert (trunk().redirect, trunk(redirect=302).redirect) == (302, 302)
    made = trunk(redirect="dial")
    assert read_trunks(json.dumps([told(made)])) == [made]
    assert made.redirect == "dial"
    with pytest.raises(NoTrunk, match="redirect"):
        trunk(redirect="301")


def test_numbers_are_written_as_the_credential_says() -> None:
    made = trunk(techPrefix="99", outboundLeadingPlusEnabled=True, sipDiversionHeader="+15550100")
    assert (made.tech_prefix, made.leading_plus, made.diversion) == ("99", "add", "+15550100")
    assert (trunk().leading_plus, trunk(outboundLeadingPlusEnabled=False).leading_plus) == ("keep", "remove")


def test_tls_and_encrypted_media_are_those_of_the_gateways() -> None:
    made = trunk(gateways=[{"ip": "sip.carrier.example", "outboundProtocol": "tls/srtp"}])
    assert (made.transport, made.srtp, made.gateways[0].transport) == ("tls", "required", "tls")
    with pytest.raises(NoTrunk, match="must all have"):
        trunk(gateways=[{"ip": "a.example", "outboundProtocol": "tls/srtp"}, {"ip": "b.example"}])


def test_fields_without_effect_are_named() -> None:
    plan = {"authUsername": "acme", "sipRegisterPlan": {"username": "line-1"}}
    body = {"gateways": [{"ip": "a", "optionsPingEnabled": True}, {"ip": "b"}], "outboundAuthenticationPlan": plan}
    assert [path for path, _ in without_effect(body)] == [
        "gateways",
        "outboundAuthenticationPlan.sipRegisterPlan.username",
    ]


@given(st.text(min_size=1, max_size=20), st.text(max_size=20), st.sampled_from([None, 1, 5060]))
def test_what_is_told_is_what_the_gateway_reads(label: str, password: str, port: int | None) -> None:
    made = trunk(
        name=label,
        gateways=[{"ip": "203.0.113.5", "port": port}],
        outboundAuthenticationPlan={"authUsername": "acme", "authPassword": password, "sipRegisterPlan": {}},
    )
    assert read_trunks(json.dumps([told(made)])) == [made]


def test_a_trunk_that_a_gateway_does_not_understand_leaves_the_others() -> None:
    newer = {**told(trunk()), "name": "c-2", "telepathy": True}
    assert [one.name for one in read_trunks(json.dumps([newer, told(trunk())]))] == ["c-1"]
