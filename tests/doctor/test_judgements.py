"""Facts in, findings out: what is said of each, by tables."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.call.leg import Direction, LegInfo, MediaStatistics
from gateway.doctor.echo import Echo
from gateway.doctor.echo_call import EchoFacts, judge_echo
from gateway.doctor.encryption import Certificate, Handshake, judge_handshake, judge_own
from gateway.doctor.finding import Finding, Result, exit_status, failed, ok
from gateway.doctor.inbound import InboundFacts, judge_inbound
from gateway.doctor.machine import (
    PortFacts,
    RtpFacts,
    judge_clock,
    judge_descriptors,
    judge_disk,
    judge_native,
    judge_port,
    judge_rtp,
)
from gateway.doctor.names import NameFacts, judge_name
from gateway.doctor.reach import Answer, Asked, Outer, judge_codecs, judge_path, judge_reach, judge_time
from gateway.doctor.registration import judge_registration
from gateway.doctor.services import judge_gateway, judge_models, judge_routes, judge_store
from gateway.doctor.stun import judge_stun, mapped_address, request
from gateway.sip.headers import parse_message
from gateway.trunk.registration import RegistrationState
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.targets import Target

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OK, WARNING, FAILED, SKIPPED = Result.OK, Result.WARNING, Result.FAILED, Result.SKIPPED


def is_told(finding: Finding, result: Result, words: str) -> None:
    """What is no success has a remedy, and nothing else has."""
    assert finding.result is result, finding
    assert words in f"{finding.found} {finding.remedy}", finding
    assert bool(finding.remedy) == (result in (WARNING, FAILED)), finding


# -------------------------------------------------------------------- the machine


@pytest.mark.parametrize(
    ("facts", "runs", "result", "words"),
    [
        (PortFacts("sip.port", "0.0.0.0:5060", "udp"), False, OK, "Free"),
        (PortFacts("sip.port", "0.0.0.0:5060", "udp", taken=True), True, OK, "running gateway"),
        (PortFacts("sip.port", "0.0.0.0:5060", "udp", taken=True), False, FAILED, "Another program"),
        (PortFacts("sip.port", "192.0.2.1:5060", "udp", error="cannot assign"), True, FAILED, "one of this machine's"),
    ],
)
def test_ports(facts: PortFacts, runs: bool, result: Result, words: str) -> None:
    is_told(judge_port(facts, gateway_runs=runs), result, words)


RTP = RtpFacts(20000, 20009, calls=4, fit=4)


@pytest.mark.parametrize(
    ("facts", "calls", "result", "words"),
    [
        (RTP, 0, OK, "enough for 4 calls"),
        (replace(RTP, fit=2), 0, WARNING, "Widen rtp.ports to 10 ports"),
        (replace(RTP, blocked=[20000, 20001]), 0, WARNING, "20000, 20001"),
        (replace(RTP, blocked=[20000, 20001]), 1, OK, "Free"),
        (replace(RTP, blocked=range(20000, 20010)), 0, FAILED, "every one"),
    ],
)
def test_rtp_ports(facts: RtpFacts, calls: int, result: Result, words: str) -> None:
    is_told(judge_rtp(facts, gateway_calls=calls), result, words)


@pytest.mark.parametrize(
    ("finding", "result", "words"),
    [
        (judge_native(None), OK, "installed"),
        (judge_native("pjsua2 is not installed."), FAILED, "parley setup"),
        (judge_descriptors(65536, 100), OK, "65536"),
        (judge_descriptors(256, 100), WARNING, "LimitNOFILE"),
        (judge_disk("/data", 50 << 30, ""), OK, "50.0 GB"),
        (judge_disk("/data", 1 << 30, ""), WARNING, "1.0 GB"),
        (judge_disk("/data", 100 << 20, ""), FAILED, "100 MB"),
        (judge_disk("/data", None, "permission denied"), FAILED, "permission denied"),
        (judge_clock(True), OK, "Synchronised"),
        (judge_clock(False), WARNING, "chrony"),
        (judge_clock(None), SKIPPED, "does not say"),
        (judge_gateway(""), OK, "takes calls"),
        (judge_gateway("draining"), FAILED, "draining"),
        (judge_gateway(None), WARNING, "http.port"),
        (judge_models([]), OK, "all there"),
        (judge_models(["silero"]), WARNING, "silero"),
        (judge_store("sqlite", None), SKIPPED, "SQLite"),
        (judge_store("postgresql", "refused"), FAILED, "refused"),
        (judge_store("postgresql", ""), OK, "answers"),
        (judge_routes(0, api=False), FAILED, "404"),
        (judge_routes(0, api=True), OK, "numbers of the API"),
    ],
)
def test_the_machine_and_services(finding: Finding, result: Result, words: str) -> None:
    is_told(finding, result, words)


def test_only_what_failed_makes_the_exit_status_one() -> None:
    assert exit_status([ok("a", "", "fine"), judge_clock(False)]) == 0
    assert exit_status([ok("a", "", "fine"), failed("b", "", "bad", "mend it")]) == 1


# -------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("facts", "result", "words"),
    [
        (NameFacts("pbx.example", "udp", [Target("192.0.2.1", 5060)]), OK, "192.0.2.1:5060."),
        (
            NameFacts("pbx.example", "udp", [Target("192.0.2.1", 5060, 1), Target("192.0.2.2", 5060, 2)]),
            OK,
            "192.0.2.2:5060 (priority 2)",
        ),
        (NameFacts("pbx.example", "udp", problem="The name server has no address of pbx.example."), FAILED, "dig SRV"),
    ],
)
def test_names(facts: NameFacts, result: Result, words: str) -> None:
    is_told(judge_name(facts), result, words)


# -------------------------------------------------------------------- OPTIONS

ASKED = Asked("9.9.9.9:5060", "udp", "192.168.1.5", "192.168.1.5:4711", "c1@parley", "sip:me@pbx", "9.9.9.9")


def answer(
    received: str = "", *, sent_by: str = ASKED.sent_by, call_id: str = ASKED.call_id, status: int = 200,
    late_ms: float = 20, body: str = "", date: str = "",
) -> Answer:  # fmt: skip
    via = f"SIP/2.0/UDP {sent_by};branch=z9hG4bK1{f';received={received}' if received else ''};rport=4711"
    lines = [f"SIP/2.0 {status} Word", f"Via: {via}", f"Call-ID: {call_id}", "From: <sip:me@pbx>;tag=1", "Server: Box"]
    text = "\r\n".join([*lines, *([f"Date: {date}"] if date else []), "", ""])
    return Answer(status, "Word", parse_message(text), body, late_ms, NOW)


@pytest.mark.parametrize(
    ("given", "problem", "result", "words"),
    [
        (answer(), "", OK, "200 Word after 20 ms, from Box"),
        (answer(status=404), "", OK, "404"),
        (answer(status=503), "", WARNING, "cannot serve"),
        (answer(late_ms=900), "", WARNING, "slow"),
        (None, "", FAILED, "No answer to three OPTIONS"),
        (None, "connection refused", FAILED, "connection refused"),
    ],
)
def test_reachability(given: Answer | None, problem: str, result: Result, words: str) -> None:
    is_told(judge_reach(ASKED, given, problem), result, words)


NO_OUTER = Outer(None, "")
OURS = Outer("203.0.113.7", "sip.public_address")


@pytest.mark.parametrize(
    ("received", "outer", "result", "words"),
    [
        ("192.168.1.5", NO_OUTER, OK, "None: the far end sees us as 192.168.1.5"),
        ("", NO_OUTER, WARNING, "does not say how it sees us"),
        ("203.0.113.7", NO_OUTER, FAILED, "public_address of the trunk (or sip.public_address) to 203.0.113.7"),
        ("203.0.113.7", OURS, OK, "as sip.public_address tells"),
        ("203.0.113.7", Outer(None, "", stun=True), OK, "as STUN finds"),
        ("203.0.113.8", OURS, FAILED, "Set sip.public_address to 203.0.113.8"),
        ("192.168.1.5", OURS, WARNING, "No NAT is between us"),
    ],
)
def test_nat(received: str, outer: Outer, result: Result, words: str) -> None:
    (finding,) = judge_path(ASKED, answer(received), outer)
    is_told(finding, result, words)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (answer("192.168.1.5", sent_by="203.0.113.7:4711"), "Via was 192.168.1.5:4711, came back as 203.0.113.7:4711"),
        (answer("192.168.1.5", call_id="c1@203.0.113.7"), "Call-ID came back as c1@203.0.113.7"),
    ],
)
def test_something_that_rewrites_sip_is_suspected(changed: Answer, words: str) -> None:
    first, _ = judge_path(ASKED, changed, NO_OUTER)
    assert first.check == "SIP ALG"
    is_told(first, WARNING, words)


SDP = "v=0\r\nm=audio 4000 RTP/AVP {}\r\na=rtpmap:18 G729/8000\r\na=rtpmap:0 PCMU/8000\r\n"


@pytest.mark.parametrize(
    ("body", "result", "words"),
    [
        ("", SKIPPED, "--call"),
        (SDP.format("0 18"), OK, "G729, PCMU"),
        (SDP.format("18"), FAILED, "488"),
    ],
)
def test_codecs_of_an_answer(body: str, result: Result, words: str) -> None:
    is_told(judge_codecs(ASKED, answer(body=body), ["PCMU", "opus"]), result, words)


def test_clocks_that_differ() -> None:
    assert judge_time(ASKED, answer()) is None
    assert judge_time(ASKED, answer(date="no date")) is None
    same, other = (judge_time(ASKED, answer(date=f"Mon, 23 Nov 2026 {hour}:00:00 GMT")) for hour in (12, 10))
    assert same
    assert other
    is_told(same, OK, "agree")
    is_told(other, WARNING, "7200 s ahead of")


# -------------------------------------------------------------------- TLS

GOOD = Certificate(("pbx.example",), "Authority", NOW - timedelta(days=1), NOW + timedelta(days=90))
SHAKE = Handshake("pbx.example:5061", "pbx.example", "TLSv1.3", GOOD)


@pytest.mark.parametrize(
    ("shake", "verify", "result", "words"),
    [
        (SHAKE, True, OK, "TLSv1.3, certificate of pbx.example by Authority, valid until 2027-02-21"),
        (replace(SHAKE, certificate=replace(GOOD, not_after=NOW + timedelta(days=5))), True, WARNING, "2026-11-28"),
        (replace(SHAKE, code=62, name="sip.example"), True, FAILED, "for pbx.example, not for sip.example"),
        (replace(SHAKE, code=64, name="192.0.2.1"), True, FAILED, "not for 192.0.2.1"),
        (replace(SHAKE, code=10), True, FAILED, "expired"),
        (replace(SHAKE, code=9), True, FAILED, "Is our clock right"),
        (replace(SHAKE, code=18), True, FAILED, "ca_file"),
        (replace(SHAKE, code=20), True, FAILED, "whole chain"),
        (replace(SHAKE, code=7, reason="bad signature"), True, FAILED, "bad signature"),
        (replace(SHAKE, code=20, reason="no issuer"), False, WARNING, "tls.verify is false"),
        (replace(SHAKE, certificate=None, problem="connection refused"), True, FAILED, "connection refused"),
    ],
)
def test_handshakes(shake: Handshake, verify: bool, result: Result, words: str) -> None:
    is_told(judge_handshake(shake, NOW, verify=verify), result, words)


@pytest.mark.parametrize(
    ("certificate", "problem", "results"),
    [
        (None, "", []),
        (GOOD, "", [OK]),
        (replace(GOOD, not_after=NOW + timedelta(days=5)), "", [WARNING]),
        (None, "tls.key_file: it is not the key.", [FAILED]),
    ],
)
def test_our_certificate(certificate: Certificate | None, problem: str, results: list[Result]) -> None:
    assert [one.result for one in judge_own("office", certificate, problem, NOW)] == results


# -------------------------------------------------------------------- registration


@pytest.mark.parametrize(
    ("state", "result", "words"),
    [
        (None, SKIPPED, "nowhere"),
        (RegistrationState(True, 200, "OK", 300, 0), OK, "300 s"),
        (RegistrationState(False, 0, "", 0, 0), FAILED, "Nothing came back"),
        (RegistrationState(False, 401, "Unauthorized", 0, 1), FAILED, "password"),
        (RegistrationState(False, 403, "Forbidden", 0, 1), FAILED, "fail2ban"),
        (RegistrationState(False, 404, "Not Found", 0, 1), FAILED, "does not know the user"),
        (RegistrationState(False, 423, "Interval Too Brief", 0, 1), FAILED, "register_seconds"),
        (RegistrationState(False, 408, "Timeout", 0, 1), FAILED, "firewall"),
        (RegistrationState(False, 503, "Unavailable", 0, 1), WARNING, "goes on trying"),
        (RegistrationState(False, 483, "Too Many Hops", 0, 2), FAILED, "483"),
    ],
)
def test_registrations(state: RegistrationState | None, result: Result, words: str) -> None:
    is_told(judge_registration("office", state), result, words)


# -------------------------------------------------------------------- calls

MEDIA = MediaStatistics("PCMU", 400, 400, 0, 0, 2.0, 12.0, reports_received=2, over_rtp=True)
CALL = EchoFacts("600", True, statistics=MEDIA, echo=Echo(60, -0.5, 0.98, 3), spoke_dbfs=-20.0, keys="5")


@pytest.mark.parametrize(
    ("facts", "check", "result", "words"),
    [
        (CALL, "audio", OK, "after 60 ms, -0.5 dB"),
        (CALL, "keys", OK, "5"),
        (replace(CALL, keys=""), "keys", SKIPPED, "did not come back"),
        (CALL, "quality", OK, "Loss 0.0% to us"),
        (replace(CALL, statistics=replace(MEDIA, packets_lost=40)), "quality", WARNING, "get lost"),
        (replace(CALL, statistics=replace(MEDIA, jitter_ms=60.0)), "quality", WARNING, "unevenly"),
        (replace(CALL, statistics=replace(MEDIA, jitter_ms=15058.0)), "quality", OK, "clock jumped"),
        (replace(CALL, echo=Echo(900, 0.0, 0.9, 3)), "quality", WARNING, "far country"),
        (replace(CALL, echo=Echo(60, -25.0, 0.9, 3)), "audio", WARNING, "level"),
        (replace(CALL, echo=Echo(60, 0.0, 0.9, 1)), "audio", WARNING, "1 of 3"),
        (replace(CALL, echo=None), "audio", FAILED, "our audio does not arrive there"),
        (replace(CALL, echo=None, spoke_dbfs=None), "audio", FAILED, "digital silence"),
        (replace(CALL, echo=None, statistics=None), "audio", FAILED, "no audio stream"),
        (replace(CALL, echo=None, statistics=replace(MEDIA, packets_received=0)), "audio", FAILED, "way to us is"),
        (
            replace(CALL, echo=None, statistics=replace(MEDIA, packets_received=0, reports_received=0)),
            "audio",
            FAILED,
            "speaks before it echoes",
        ),
        (EchoFacts("600", False, 488, "Not Acceptable Here"), "call", FAILED, "no common codec"),
        (EchoFacts("600", False, 404, "Not Found"), "call", FAILED, "Echo()"),
        (EchoFacts("600", False, 500, "Oops"), "call", FAILED, "500 Oops"),
    ],
)  # fmt: skip
def test_echo_calls(facts: EchoFacts, check: str, result: Result, words: str) -> None:
    (finding,) = [one for one in judge_echo(facts) if one.check == check]
    is_told(finding, result, words)


INFO = LegInfo(
    Direction.INBOUND, "sip:ann@pbx", "sip:100@us", "100", "office", "c1", {}, source="198.51.100.9:5060;udp"
)
TRUNK = TrunkSettings(name="office", allow=["198.51.100.0/24"])
INBOUND = InboundFacts(INFO, MEDIA, -20.0, "assistant desk")


@pytest.mark.parametrize(
    ("facts", "check", "result", "words"),
    [
        (INBOUND, "trunk", OK, "'office'"),
        (replace(INBOUND, info=replace(INFO, trunk=None)), "trunk", WARNING, "office: 198.51.100.0/24"),
        (replace(INBOUND, route=""), "route", WARNING, "No route"),
        (INBOUND, "audio in", OK, "400 packets of PCMU, -20 dBFS"),
        (replace(INBOUND, spoke_dbfs=None), "audio in", WARNING, "digital silence"),
        (replace(INBOUND, statistics=replace(MEDIA, packets_received=0)), "audio in", FAILED, "Nothing came"),
        (INBOUND, "audio out", OK, "0 did not arrive"),
        (replace(INBOUND, statistics=replace(MEDIA, reports_received=0)), "audio out", WARNING, "no RTCP"),
        (replace(INBOUND, statistics=replace(MEDIA, packets_lost_remote=390)), "audio out", FAILED, "blocked"),
    ],
)
def test_calls_that_come(facts: InboundFacts, check: str, result: Result, words: str) -> None:
    (finding,) = [one for one in judge_inbound(facts, [TRUNK]) if one.check == check]
    is_told(finding, result, words)


# -------------------------------------------------------------------- STUN


def test_the_address_of_a_stun_answer() -> None:
    transaction = bytes(range(12))
    asked = request(transaction)
    assert asked[:8] == bytes.fromhex("000100002112a442")
    software = struct.pack(">HH", 0x8022, 3) + b"box\0"
    # RFC 5769 section 2.2: 192.0.2.1 as XOR-MAPPED-ADDRESS
    mapped = bytes.fromhex("002000080001a147e112a643")
    response = struct.pack(">HHI", 0x0101, len(software + mapped), 0x2112A442) + transaction + software + mapped
    assert mapped_address(response, transaction) == "192.0.2.1"
    assert mapped_address(response, bytes(12)) is None
    assert mapped_address(asked, transaction) is None
    assert mapped_address(b"", transaction) is None


@pytest.mark.parametrize(("seen", "result"), [("192.0.2.1", OK), (None, FAILED)])
def test_stun_servers(seen: str | None, result: Result) -> None:
    is_told(judge_stun("stun.example", seen), result, "192.0.2.1" if seen else "another server")
