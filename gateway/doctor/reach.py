"""What the answer to an OPTIONS tells: whether the far end is there, how it sees us, which codecs it has. Pure.

Sources: RFC 3261 sections 11 and 18.2.1, RFC 3581 (received, rport).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from gateway.doctor.finding import Finding, failed, ok, skipped, warning
from gateway.sip.headers import SipMessage
from gateway.sip.sdp import offers_codec

_SLOW_MS = 300.0
_SKEW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The OPTIONS as it was sent: `sent_by` is of its Via, `address` the socket's own."""

    target: str
    transport: str
    address: str
    sent_by: str
    call_id: str
    sender: str
    peer_address: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The final answer; `at` is when it came."""

    status: int
    reason: str
    message: SipMessage
    body: str
    round_trip_ms: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Outer:
    """The address that we say we have: of the trunk's settings, `sip.public_address`, or by STUN."""

    address: str | None
    setting: str
    stun: bool = False


def judge_reach(asked: Asked, answer: Answer | None, problem: str) -> Finding:
    """Whether it answers.

    :param problem: the socket's word when there was no answer, empty for silence
    """
    about = f"{asked.target};{asked.transport}"
    if answer is None:
        return failed("reachability", about, _silence(asked, problem), _silence_remedy(asked, problem))
    server = answer.message.first("server") or answer.message.first("user-agent")
    told = f"{answer.status} {answer.reason} after {answer.round_trip_ms:.0f} ms{f', from {server}' if server else ''}."
    if answer.status in (408, 503):
        return warning(
            "reachability", about, told,
            "It is there, but says that it cannot serve now: look at its own trunks and its load.",
        )  # fmt: skip
    if answer.round_trip_ms > _SLOW_MS:
        return warning("reachability", about, told, "The way is slow: callers will wait longer for each answer.")
    return ok("reachability", about, told)


def _silence(asked: Asked, problem: str) -> str:
    return f"No connection: {problem}." if problem else "No answer to three OPTIONS within 4 s."


def _silence_remedy(asked: Asked, problem: str) -> str:
    if asked.transport == "udp":
        return (
            "Look at the address, the port, and the firewall on the way (UDP both ways). At the PBX: Asterisk `pjsip"
            " show transports` and `pjsip set logger on`; FreeSWITCH `sofia status`, and its acl; Kamailio: a ban of"
            " pike or a pipe limit drops without a word. fail2ban bans addresses of wrong passwords."
        )
    return (
        f"Does the far end listen for {asked.transport.upper()} there? Asterisk: a transport of that protocol in"
        " pjsip.conf; FreeSWITCH: the profile's sip-port or tls-sip-port; Kamailio: listen. Else the firewall."
    )


def judge_path(asked: Asked, answer: Answer, outer: Outer) -> Iterator[Finding]:
    """NAT on the way, and whether something on it rewrites SIP."""
    via = answer.message.first("via")
    if changed := _rewritten(asked, answer.message, via):
        yield warning(
            "SIP ALG", asked.target, f"Something on the way changes our messages: {', '.join(changed)}.",
            "Switch off SIP ALG (SIP helper, SIP inspection) in the router or firewall; or use transport: tls, which"
            " nothing on the way can read.",
        )  # fmt: skip
    yield _judge_nat(asked, _seen(via), outer)


def _rewritten(asked: Asked, message: SipMessage, via: str) -> list[str]:
    sent_by = via.split(" ", 1)[-1].split(";", 1)[0].strip().lower()
    changed = [] if sent_by == asked.sent_by.lower() else [f"Via was {asked.sent_by}, came back as {sent_by}"]
    if message.first("call-id") != asked.call_id:
        changed.append(f"Call-ID came back as {message.first('call-id')}")
    if asked.sender not in message.first("from"):
        changed.append(f"From came back as {message.first('from')}")
    return changed


def _seen(via: str) -> str | None:
    """The address that the far end saw; None when it does not say."""
    found = re.search(r";\s*received\s*=\s*\[?([0-9A-Fa-f.:]+)", via)
    return found[1] if found else None


def _judge_nat(asked: Asked, seen: str | None, outer: Outer) -> Finding:
    """RFC 3261 18.2.1: `received` is there when it differs from the Via, by RFC 3581 always when rport was asked."""
    if seen is None or _same(seen, asked.address):
        return _judge_direct(asked, seen, outer)
    if outer.stun or (outer.address is not None and _same(outer.address, seen)):
        how = "STUN finds" if outer.stun else f"{outer.setting} tells"
        return ok("NAT", asked.target, f"We are behind a NAT: {asked.address} is seen as {seen}, as {how}.")
    if outer.address is not None:
        return failed(
            "NAT", asked.target, f"{outer.setting} is {outer.address}, but the far end sees us as {seen}.",
            f"Set {outer.setting} to {seen}; with an address that changes, use sip.stun in its place.",
        )  # fmt: skip
    return failed(
        "NAT", asked.target,
        f"We are behind a NAT: {asked.address} is seen as {seen}, and we tell the far end the former as the place for"
        " audio.",
        f"Set public_address of the trunk (or sip.public_address) to {seen}, or sip.stun; let the router pass sip.port"
        " and rtp.ports (UDP) to this machine. At the PBX: Asterisk rtp_symmetric=yes, force_rport=yes,"
        " rewrite_contact=yes; FreeSWITCH NDLB-force-rport and no disable-rtp-auto-adjust; Kamailio fix_nated_contact"
        " and rtpengine.",
    )  # fmt: skip


def _judge_direct(asked: Asked, seen: str | None, outer: Outer) -> Finding:
    if outer.address is not None and not _same(outer.address, asked.address) and seen is not None:
        return warning(
            "NAT", asked.target, f"{outer.setting} is {outer.address}, but the far end sees our own {asked.address}.",
            "No NAT is between us: give the trunks beyond the NAT their own public_address and leave it out here.",
        )  # fmt: skip
    if seen is None and is_private(asked.address) and not is_private(asked.peer_address) and outer.address is None:
        return warning(
            "NAT", asked.target,
            f"We are {asked.address}, a private address, and the far end does not say how it sees us.",
            "Set public_address of the trunk, or sip.stun.",
        )  # fmt: skip
    return ok("NAT", asked.target, f"None: the far end sees us as {asked.address}.")


def judge_codecs(asked: Asked, answer: Answer, codecs: Collection[str]) -> Finding:
    """What a description in the answer offers (RFC 3261 section 11.2); few send one."""
    if "m=audio" not in answer.body:
        return skipped(
            "codecs", asked.target, "The far end does not say which it has; `parley doctor --call NUMBER` shows it."
        )
    theirs = ", ".join(_described(answer.body)) or "none by name"
    if offers_codec(answer.body, codecs):
        return ok("codecs", asked.target, f"It has {theirs}.")
    return failed(
        "codecs", asked.target, f"It has {theirs}, and we {', '.join(codecs)}: no call comes about (488).",
        "Add one of them to sip.codecs, or allow PCMA and PCMU there: Asterisk allow=ulaw,alaw; FreeSWITCH"
        " inbound-codec-prefs.",
    )  # fmt: skip


def _described(body: str) -> Sequence[str]:
    return [name for name in re.findall(r"a=rtpmap:\d+ ([\w.-]+)/", body) if name.lower() != "telephone-event"]


def judge_time(asked: Asked, answer: Answer) -> Finding | None:
    """The far end's Date header (RFC 3261 section 20.17) beside our clock; None without one."""
    try:
        theirs = parsedate_to_datetime(answer.message.first("date"))
    except ValueError:
        return None
    skew = (answer.at - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))).total_seconds()
    if abs(skew) <= _SKEW_SECONDS:
        return ok("time", asked.target, "Its clock and ours agree.")
    return warning(
        "time", asked.target, f"Our clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the far end's.",
        "One of the two is wrong: run chrony on both. Certificates fail by it.",
    )  # fmt: skip


def is_private(address: str) -> bool:
    """Whether an address is of no use outside of its own network; False for a name."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_private
    except ValueError:
        return False


def _same(one: str, other: str) -> bool:
    return one.strip("[]").lower() == other.strip("[]").lower()
