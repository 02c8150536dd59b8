"""Whom we may call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.attempts import Attempt
from gateway.call.outbound import Outbound, Target, dialling_assistant
from gateway.errors import DialRefused
from gateway.settings import OutboundSettings
from gateway.trunk.settings import TrunkSettings


def outbound(*trunks: str, direct: tuple[str, ...] = (), order: tuple[str, ...] = (), **fields: object) -> Outbound:
    named = {
        name: TrunkSettings.model_validate(
            {"name": name, "registrar": f"{name}.example.com", "username": "100", **fields}
        )
        for name in trunks
    }
    return Outbound(OutboundSettings(direct=list(direct), trunks=list(order)), named)


@pytest.mark.parametrize(
    ("written", "dialled"),
    [("+1 (555) 123-4567", "+15551234567"), ("200", "200"), ("*97", "*97"), ("front-desk", "front-desk")],
)
def test_a_number_is_written_as_people_write_it(written: str, dialled: str) -> None:
    assert outbound("office").target(written) == Target(dialled, ("office",))


def test_the_trunk_that_is_named_is_taken() -> None:
    assert outbound("office", "mobile").target("200", "mobile").trunks == ("mobile",)


@pytest.mark.parametrize(
    ("trunk", "trunks", "says"),
    [
        (None, (), "configure one under trunks"),
        (None, ("office", "mobile"), "name one of office, mobile"),
        ("ofice", ("office",), "no trunk 'ofice'; name one of office"),
    ],
)
def test_a_number_without_a_trunk_to_go_through_is_refused(
    trunk: str | None, trunks: tuple[str, ...], says: str
) -> None:
    with pytest.raises(DialRefused, match=says):
        outbound(*trunks).target("200", trunk)


@pytest.mark.parametrize("uri", ["sip:ann@evil.example", "SIP:evil.example", "sips:ann@evil.example:5061;user=phone"])
def test_no_sip_uri_is_called_by_default(uri: str) -> None:
    with pytest.raises(DialRefused, match=r"evil\.example may not be called; add evil\.example to outbound\.direct"):
        outbound("office").target(uri)


@pytest.mark.parametrize("uri", ["sip:ann@10.0.0.7", "sip:ann@10.0.0.7:5080;transport=tcp", "sip:10.0.0.7"])
def test_a_sip_uri_at_an_allowed_host_is_called_directly(uri: str) -> None:
    assert outbound(direct=("10.0.0.*",)).target(uri) == Target(uri)


@pytest.mark.parametrize(
    "uri",
    ["sip:10.0.0.7@evil.example", "sip:ann@10.0.0.7;maddr=evil.example", "sip:a@10.0.0.7?Route=x", "sip:a@b@10.0.0.7"],
)
def test_a_uri_that_would_lead_elsewhere_is_refused(uri: str) -> None:
    with pytest.raises(DialRefused):
        outbound(direct=("10.0.0.*",)).target(uri)


@given(st.text(max_size=40))
def test_whatever_is_asked_for_goes_nowhere_without_a_trunk_and_an_allowed_host(text: str) -> None:
    with pytest.raises(DialRefused):
        outbound().target(text)


def test_trunks_that_stand_in_for_each_other_are_tried_in_their_order() -> None:
    asked = outbound("office", "mobile", "backup", order=("mobile", "backup"))
    assert asked.target("200").trunks == ("mobile", "backup")
    assert asked.target("200", "backup").trunks == ("backup", "mobile")
    assert asked.target("200", "office").trunks == ("office",)


def test_a_trunk_of_another_organisation_is_nobody_elses() -> None:
    asked = outbound("office", organisation="theirs")
    assert asked.target("200", "office", organisation="theirs").trunks == ("office",)
    with pytest.raises(DialRefused, match="no trunk 'office'"):
        asked.target("200", "office", organisation="ours")


LOOP = [f"sip:{user}@office.example.com" for user in "abcdefgh"]


@pytest.mark.scenario("INV-17", peer="scripted party", transport="udp")
@pytest.mark.parametrize(
    ("contact", "leads_to"),
    [
        ("sip:200@office.example.com", Attempt("sip:200@office.example.com", "office", None, 1, "office")),
        ("sip:200@OFFICE.example.com:5080", Attempt("sip:200@OFFICE.example.com:5080", "office", None, 1, "office")),
        ("sip:200@10.0.0.7", Attempt("sip:200@10.0.0.7", None, None, 1, "office")),
        ("sip:+19005551234@premium.example", None),
        ("sip:200@office.example.com;maddr=premium.example", None),
        ("sip:200@office.example.com?Route=premium.example", None),
        ("tel:+19005551234", None),
        ("nonsense", None),
    ],
)
def test_a_redirection_leads_to_hosts_that_may_be_called_only(contact: str, leads_to: Attempt | None) -> None:
    asked = outbound("office", direct=("10.0.0.*",), redirects=5)
    assert asked.redirected(contact, Attempt("200", "office")) == leads_to


@pytest.mark.scenario("INV-17", peer="scripted party", transport="udp")
def test_no_redirection_is_followed_unless_the_trunk_says_so() -> None:
    assert outbound("office").redirected(LOOP[0], Attempt("200", "office")) is None
    assert outbound("office", redirects=1).redirected(LOOP[1], Attempt(LOOP[0], "office", None, 1, "office")) is None


def test_the_only_assistant_needs_no_name() -> None:
    assert dialling_assistant(None, {"desk": 1}) == "desk"
    with pytest.raises(DialRefused, match="one of desk, shop"):
        dialling_assistant(None, {"desk": 1, "shop": 2})
    with pytest.raises(DialRefused, match="no assistant 'dsk'"):
        dialling_assistant("dsk", {"desk": 1})
