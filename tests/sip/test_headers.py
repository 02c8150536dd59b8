"""Addresses, called numbers and headers, as PBXes and carriers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.headers import (
    Address,
    SipUri,
    called_address,
    end_reason,
    header_text,
    kept_headers,
    parse_address,
    parse_message,
    parse_uri,
    quoted,
    user_part,
)


def invite(request_uri: str = "sip:100@host", *headers: str) -> str:
    return "\r\n".join([f"INVITE {request_uri} SIP/2.0", *headers, "", "v=0", "X-Body: no header"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"Ann \\"A\\" Lee" <sip:ann@example.com;x=1>;tag=7', Address('Ann "A" Lee', "sip:ann@example.com;x=1")),
        ("Ann Lee <sip:ann@example.com>", Address("Ann Lee", "sip:ann@example.com")),
        ("<sip:ann@example.com>", Address("", "sip:ann@example.com")),
        ("sip:ann@example.com;tag=7", Address("", "sip:ann@example.com")),
        ('"a <b>" <tel:+49-30-1>', Address("a <b>", "tel:+49-30-1")),
        ("", Address("", "")),
    ],
)
def test_an_address_has_a_name_and_a_uri(value: str, expected: Address) -> None:
    assert parse_address(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "sip:100@pbx.example.com:5080;transport=tcp",
            SipUri("sip", "100", "pbx.example.com", 5080, {"transport": "tcp"}),
        ),
        ("SIPS:+1%20555@Host", SipUri("sips", "+1 555", "host", None, {})),
        ("sip:+1555;phone-context=x@host;user=phone", SipUri("sip", "+1555", "host", None, {"user": "phone"})),
        ("sip:host;lr", SipUri("sip", "", "host", None, {"lr": ""})),
        ("sip:100@[2001:db8::1]:5060", SipUri("sip", "100", "[2001:db8::1]", 5060, {})),
        ("tel:+1-(555)-0100;ext=1", SipUri("tel", "+15550100", "", None, {})),
    ],
)
def test_a_uri_in_parts(text: str, expected: SipUri) -> None:
    assert parse_uri(text) == expected


@pytest.mark.parametrize("text", ["", "http://host/", "sip:", "mailto:a@b", "100", "sip:http://host", "sip:a@b c"])
def test_what_is_no_sip_uri(text: str) -> None:
    assert parse_uri(text) is None


def test_a_message_in_compact_form_with_folded_lines_and_a_body() -> None:
    message = parse_message(invite("sip:100@host", "f: <sip:a@b>", "i: 77", "Subject: one", "  two", "Via: 1", "v: 2"))
    assert message.request_uri == "sip:100@host"
    assert message.first("from") == "<sip:a@b>"
    assert message.first("call-id") == "77"
    assert message.first("subject") == "one two"
    assert message.all("via") == ["1", "2"]
    assert message.first("x-body") == ""


def test_a_response_has_no_request_uri() -> None:
    assert parse_message("SIP/2.0 200 OK\r\n\r\n").request_uri == ""


@pytest.mark.parametrize(
    ("request_uri", "headers", "contact_user", "expected"),
    [
        ("sip:100@us", ["To: <sip:200@us>"], "", "sip:100@us"),
        ("sip:account@us;line=1", ["To: <sip:200@pbx>"], "account", "sip:200@pbx"),
        ("sip:us", ["To: <sip:200@pbx>"], "account", "sip:200@pbx"),
        ("sip:account@us", ["To: <sip:pbx>"], "account", "sip:account@us"),
        ("sip:did@us", ["To: <sip:200@pbx>"], "account", "sip:did@us"),
        ("sip:account@us", ["To: <sip:200@pbx>", "P-Called-Party-ID: <sip:300@pbx>"], "account", "sip:300@pbx"),
    ],
    ids=["plain", "contact", "contact without user", "nothing dialled", "did in request", "p-called-party-id"],
)
def test_the_number_that_was_dialled(request_uri: str, headers: list[str], contact_user: str, expected: str) -> None:
    assert called_address(parse_message(invite(request_uri, *headers)), contact_user) == expected


def test_headers_that_are_kept() -> None:
    lines = [
        "X-Order: 17",
        "diversion: <sip:1@a>",
        "Diversion: <sip:2@a>",
        "Authorization: Digest x",
        "Via: y",
        "x-b: 1",
    ]
    assert kept_headers(parse_message(invite("sip:1@h", *lines))) == {
        "X-Order": "17",
        "Diversion": "<sip:1@a>, <sip:2@a>",
        "x-b": "1",
    }


def test_a_caller_cannot_grow_the_record_with_headers() -> None:
    flood = [f"X-{index}: {'y' * 5000}" for index in range(500)]
    kept = kept_headers(parse_message(invite("sip:1@h", *flood)))
    assert len(kept) == 40
    assert max(map(len, kept.values())) == 1000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('Q.850;cause=17;text="User \\"busy\\""', 'User "busy"'),
        ("SIP ;cause=200 ;text=completed", "completed"),
        ("Q.850;cause=16", "Q.850;cause=16"),
        ("", ""),
    ],
)
def test_the_reason_of_an_end(value: str, expected: str) -> None:
    assert end_reason(value) == expected


@given(st.text())
def test_a_header_is_one_line_whatever_is_put_in(text: str) -> None:
    written = quoted(text)
    assert not any(ord(char) < 32 for char in written)
    assert end_reason(f"SIP;cause=200;text={written}") == header_text(text)


@given(st.text(max_size=200))
def test_nothing_that_a_caller_writes_raises(text: str) -> None:
    message = parse_message(text)
    kept_headers(message)
    called_address(message, text[:3])
    user_part(text)
    end_reason(text)
    parse_message(invite(text, f"To: {text}", f"From: {text}"))
