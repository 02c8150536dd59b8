"""Whom we may call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.outbound import Target, dial_target, dialling_assistant
from gateway.errors import DialRefused
from gateway.settings import OutboundSettings, Settings
from gateway.trunk.settings import TrunkSettings


def settings(*trunks: str, direct: tuple[str, ...] = ()) -> Settings:
    named = [TrunkSettings(name=name, registrar=f"{name}.example.com", username="100") for name in trunks]
    return Settings(trunks=named, outbound=OutboundSettings(direct=list(direct)))


@pytest.mark.parametrize(
    ("written", "dialled"),
    [("+1 (555) 123-4567", "+15551234567"), ("200", "200"), ("*97", "*97"), ("front-desk", "front-desk")],
)
def test_a_number_is_written_as_people_write_it(written: str, dialled: str) -> None:
    assert dial_target(written, None, settings("office")) == Target(dialled, "office")


def test_the_trunk_that_is_named_is_taken() -> None:
    assert dial_target("200", "mobile", settings("office", "mobile")).trunk == "mobile"


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
        dial_target("200", trunk, settings(*trunks))


@pytest.mark.parametrize("uri", ["sip:ann@evil.example", "SIP:evil.example", "sips:ann@evil.example:5061;user=phone"])
def test_no_sip_uri_is_called_by_default(uri: str) -> None:
    with pytest.raises(DialRefused, match=r"evil\.example may not be called; add evil\.example to outbound\.direct"):
        dial_target(uri, None, settings("office"))


@pytest.mark.parametrize("uri", ["sip:ann@10.0.0.7", "sip:ann@10.0.0.7:5080;transport=tcp", "sip:10.0.0.7"])
def test_a_sip_uri_at_an_allowed_host_is_called_directly(uri: str) -> None:
    assert dial_target(uri, None, settings(direct=("10.0.0.*",))) == Target(uri, None)


@pytest.mark.parametrize(
    "uri",
    ["sip:10.0.0.7@evil.example", "sip:ann@10.0.0.7;maddr=evil.example", "sip:a@10.0.0.7?Route=x", "sip:a@b@10.0.0.7"],
)
def test_a_uri_that_would_lead_elsewhere_is_refused(uri: str) -> None:
    with pytest.raises(DialRefused):
        dial_target(uri, None, settings(direct=("10.0.0.*",)))


@given(st.text(max_size=40))
def test_whatever_is_asked_for_goes_nowhere_without_a_trunk_and_an_allowed_host(text: str) -> None:
    with pytest.raises(DialRefused):
        dial_target(text, None, settings())


def test_the_only_assistant_needs_no_name() -> None:
    assert dialling_assistant(None, {"desk": 1}) == "desk"
    with pytest.raises(DialRefused, match="one of desk, shop"):
        dialling_assistant(None, {"desk": 1, "shop": 2})
    with pytest.raises(DialRefused, match="no assistant 'dsk'"):
        dialling_assistant("dsk", {"desk": 1})
