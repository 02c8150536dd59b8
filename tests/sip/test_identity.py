"""Who calls, as telephone systems write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.leg import Diversion
from gateway.sip.headers import SipMessage, parse_message
from gateway.sip.identity import Caller, caller_of

FROM = 'From: "Ann" <sip:4711@pbx.example>;tag=1'


def message(*lines: str) -> SipMessage:
    return parse_message("\r\n".join(["INVITE sip:600@us SIP/2.0", *lines]))


def caller(*lines: str, trusted: bool = True) -> Caller:
    return caller_of(message(*lines), trusted=trusted)


CLAIMED = [
    ('From: "Ann Lee" <sip:+15550001@carrier.example>;tag=1', "+15550001", "Ann Lee"),
    ("f: Ann Lee <sip:+15550001@carrier.example>;tag=1", "+15550001", "Ann Lee"),
    ("From: <sip:100@10.0.0.1:5080;transport=udp>;tag=1", "100", ""),
    ("From: sip:100@10.0.0.1;tag=1", "100", ""),
    ('From: "Zoë Müller" <sip:100@pbx>;tag=1', "100", "Zoë Müller"),
    ('From: "山田太郎" <sip:100@pbx>;tag=1', "100", "山田太郎"),
    (r'From: "Ann \"Red\" Lee" <sip:100@pbx>;tag=1', "100", 'Ann "Red" Lee'),
    (r'From: "Back\\slash" <sip:100@pbx>;tag=1', "100", "Back\\slash"),
    ('From: "Lee, Ann <ann>" <sip:100@pbx>;tag=1', "100", "Lee, Ann <ann>"),
    ("From: =?UTF-8?B?Wm/Dqw==?= <sip:100@pbx>;tag=1", "100", "Zoë"),
    ('From: "=?utf-8?Q?Zo=C3=AB?=" <sip:100@pbx>;tag=1', "100", "Zoë"),
    ('From: "M\udcfcller" <sip:100@pbx>;tag=1', "100", "Müller"),
    ('From: "Unavailable" <sip:100@pbx>;tag=1', "100", ""),
    ('From: "Anonymous" <sip:100@pbx>;tag=1', "100", ""),
    ("From: <tel:+1-555-000-1>;tag=1", "+15550001", ""),
    ("From: <tel:5550001;phone-context=+1>;tag=1", "5550001", ""),
    ("From: <sip:+15550001;cpc=ordinary@carrier.example;user=phone>;tag=1", "+15550001", ""),
    ("From: <sip:%2B15550001@carrier.example>;tag=1", "+15550001", ""),
    ("From: <sips:100@pbx.example>;tag=1", "100", ""),
    ("From: <sip:100@[2001:db8::1]:5060>;tag=1", "100", ""),
    ('From:\r\n "Ann"\r\n <sip:100@pbx>;tag=1', "100", "Ann"),
    ('From: ""<sip:100@pbx>;tag=1', "100", ""),
]

ASSERTED = [
    ("P-Asserted-Identity: <sip:+15550002@carrier.example>", "+15550002", "Ann", "P-Asserted-Identity"),
    ('P-Asserted-Identity: "Bob" <sip:+15550002@carrier.example>', "+15550002", "Bob", "P-Asserted-Identity"),
    ("P-Asserted-Identity: sip:+15550002@carrier.example", "+15550002", "Ann", "P-Asserted-Identity"),
    ("P-Asserted-Identity: <tel:+15550002>", "+15550002", "Ann", "P-Asserted-Identity"),
    ("P-Asserted-Identity: tel:+15550002", "+15550002", "Ann", "P-Asserted-Identity"),
    (
        'P-Asserted-Identity: "Bob" <sip:bob@ims.example>, <tel:+15550002>',
        "+15550002",
        "Ann",
        "P-Asserted-Identity",
    ),
    (
        "P-Asserted-Identity: <sip:bob@ims.example>\r\nP-Asserted-Identity: <tel:+15550002>",
        "+15550002",
        "Ann",
        "P-Asserted-Identity",
    ),
    ("P-Asserted-Identity: <sip:bob@ims.example>", "bob", "Ann", "P-Asserted-Identity"),
    (
        "P-Asserted-Identity: <sip:+15550002@teams.example:5061;user=phone>,<sip:bob@teams.example>",
        "+15550002",
        "Ann",
        "P-Asserted-Identity",
    ),
    (
        'P-Asserted-Identity: "Lee, Bob" <sip:200@cucm.example;x-cisco-number=200>',
        "200",
        "Lee, Bob",
        "P-Asserted-Identity",
    ),
    ("p-asserted-identity:<sip:200@h>", "200", "Ann", "P-Asserted-Identity"),
    ("P-Asserted-Identity: <sip:+15550002@h?Reason=x>", "+15550002", "Ann", "P-Asserted-Identity"),
    ("P-Asserted-Identity: <sip:anonymous@anonymous.invalid>", "4711", "Ann", "From"),
    ("P-Asserted-Identity: nonsense", "4711", "Ann", "From"),
    ("P-Asserted-Identity:", "4711", "Ann", "From"),
    (
        'Remote-Party-ID: "Bob" <sip:200@fs.example>;party=calling;screen=yes;privacy=off',
        "200",
        "Bob",
        "Remote-Party-ID",
    ),
    ("Remote-Party-ID: <sip:200@fs.example>;party=calling;privacy=off;screen=no", "200", "Ann", "Remote-Party-ID"),
    ("Remote-Party-ID: <sip:200@fs.example>", "200", "Ann", "Remote-Party-ID"),
    ("Remote-Party-ID: <sip:200@fs.example>;party=called", "4711", "Ann", "From"),
    (
        "Remote-Party-ID: <sip:300@fs.example>\r\nP-Asserted-Identity: <sip:200@fs.example>",
        "200",
        "Ann",
        "P-Asserted-Identity",
    ),
    ("P-Asserted-Identity: <sip:200@h>\r\nPrivacy: none", "200", "Ann", "P-Asserted-Identity"),
]

HIDDEN = [
    "Privacy: id",
    "Privacy: ID;critical",
    "Privacy: user;id",
    "Privacy: header",
    "Privacy: id\r\nP-Asserted-Identity: <sip:+15550002@h>",
    "Remote-Party-ID: <sip:200@h>;party=calling;privacy=full",
    "Remote-Party-ID: <sip:200@h>;privacy=uri",
]

DIVERTED = [
    ("Diversion: <sip:600@pbx>;reason=no-answer", [("600", "", "no-answer")]),
    ('Diversion: "Desk" <sip:600@pbx>;reason=user-busy;counter=1', [("600", "Desk", "user-busy")]),
    ("Diversion: <tel:+15550003>;reason=unconditional", [("+15550003", "", "unconditional")]),
    ('Diversion: <sip:600@pbx>;reason="Follow-Me"', [("600", "", "follow-me")]),
    ("Diversion: <sip:600@pbx>", [("600", "", "unknown")]),
    ("Diversion: <sip:600@pbx>;privacy=full;reason=user-busy", [("", "", "user-busy")]),
    (
        "Diversion: <sip:601@pbx>;reason=user-busy, <sip:600@pbx>;reason=no-answer",
        [("601", "", "user-busy"), ("600", "", "no-answer")],
    ),
    ("Diversion: <sip:601@pbx>\r\nDiversion: <sip:600@pbx>", [("601", "", "unknown"), ("600", "", "unknown")]),
    (
        "History-Info: <sip:600@pbx?Reason=SIP%3Bcause%3D302>;index=1,<sip:601@pbx>;index=1.1",
        [("600", "", "unconditional")],
    ),
    (
        "History-Info: <sip:600@pbx?Reason=SIP%3Bcause%3D486>;index=1\r\n"
        "History-Info: <sip:601@pbx?Reason=SIP%3Bcause%3D408>;index=1.1\r\nHistory-Info: <sip:602@pbx>;index=1.1.1",
        [("601", "", "no-answer"), ("600", "", "user-busy")],
    ),
    ("History-Info: <sip:600@pbx>;index=1, <sip:601@pbx;cause=486>;index=1.1", [("600", "", "user-busy")]),
    (
        "History-Info: <sip:600@pbx?Privacy=history&Reason=SIP%3Bcause%3D302>;index=1,<sip:601@pbx>;index=1.1",
        [("", "", "unconditional")],
    ),
    ("History-Info: <sip:600@pbx>;index=1", []),
    ("Diversion: rubbish", []),
]  # fmt: skip


@pytest.mark.scenario("INV-18", peer="scripted party", transport="udp")
@pytest.mark.parametrize(("line", "number", "name"), CLAIMED)
def test_from_is_read_as_telephone_systems_write_it(line: str, number: str, name: str) -> None:
    found = caller(line, trusted=False)
    assert found.identity is not None
    assert (found.identity.number, found.name, found.identity.header) == (number, name, "From")


@pytest.mark.scenario("INV-18", peer="scripted party", transport="udp")
@pytest.mark.parametrize(("lines", "number", "name", "header"), ASSERTED)
def test_the_networks_word_goes_before_the_callers(lines: str, number: str, name: str, header: str) -> None:
    found = caller(FROM, *lines.split("\r\n"))
    assert found.identity is not None
    assert (found.identity.number, found.name, found.identity.header) == (number, name, header)


@pytest.mark.scenario("INV-18", peer="scripted party", transport="udp")
@pytest.mark.parametrize("lines", HIDDEN)
def test_who_does_not_want_to_be_known_is_not(lines: str) -> None:
    found = caller(FROM, *lines.split("\r\n"))
    assert found.uri == "sip:anonymous@pbx.example"
    assert found.identity is not None
    assert (found.name, found.identity.number, found.identity.private) == ("", "", True)


@pytest.mark.scenario("INV-18", peer="scripted party", transport="udp")
@pytest.mark.parametrize(("lines", "expected"), DIVERTED)
def test_who_sent_the_call_on_is_told_the_last_first(lines: str, expected: list[tuple[str, str, str]]) -> None:
    assert caller(FROM, *lines.split("\r\n")).diverted_by == tuple(Diversion(*one) for one in expected)


@pytest.mark.scenario("INV-18", peer="scripted party", transport="udp")
@pytest.mark.parametrize("lines", [one[0] for one in ASSERTED] + [one[0] for one in DIVERTED])
def test_whom_nobody_trusts_only_from_is_believed(lines: str) -> None:
    found = caller(FROM, *lines.split("\r\n"), trusted=False)
    assert (found.uri, found.name, found.diverted_by) == ("sip:4711@pbx.example", "Ann", ())


def test_privacy_is_kept_also_for_whom_nobody_trusts() -> None:
    assert caller(FROM, "Privacy: id", trusted=False).uri == "sip:anonymous@pbx.example"


def test_an_asserted_telephone_number_is_one_of_the_far_ends_host() -> None:
    found = caller("From: <sip:a@pbx.example:5070>", "P-Asserted-Identity: <tel:+1-555-000-2>")
    assert found.uri == "sip:+15550002@pbx.example:5070"


def test_there_are_sixty_forms() -> None:
    assert len(CLAIMED) + len(ASSERTED) + len(HIDDEN) + len(DIVERTED) >= 60


@given(st.lists(st.tuples(st.sampled_from(["From", "P-Asserted-Identity", "Diversion", "History-Info"]), st.text())))
def test_nothing_that_a_caller_writes_is_an_error(lines: list[tuple[str, str]]) -> None:
    caller(*(f"{name}: {value}" for name, value in lines)).name.encode()
