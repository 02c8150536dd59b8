"""Who calls, and who sent the call on: From, P-Asserted-Identity (RFC 3325), Remote-Party-ID, Privacy (RFC 3323),
Diversion (RFC 5806) and History-Info (RFC 7044). Pure; nothing raises on what a caller wrote.

From is a claim of the caller. The other headers say what the network knows, and anybody can write them: they are
believed of a trusted trunk only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from urllib.parse import unquote

from gateway.call.leg import Diversion, Identity
from gateway.sip.headers import Address, SipMessage, header_text, parse_address, parse_uri, split_values

ANONYMOUS = "anonymous"
_NAME_LIMIT = 100
_MOST_DIVERSIONS = 10
_UNKNOWN_NAMES = frozenset({"", "anonymous", "unknown", "unavailable", "private", "restricted", "withheld"})
_PRIVATE = frozenset({"id", "user", "header", "history", "critical"})
_HIDING = _PRIVATE - {"critical", "history"}
_PARAMETER = re.compile(r';\s*([\w-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;,>\s]*))?')
_DIVERSION_REASONS = {"404": "unknown", "486": "user-busy", "408": "no-answer", "302": "unconditional",
                      "487": "deflection", "480": "deflection", "503": "unavailable"}  # fmt: skip
"""RFC 4458's causes in the words of RFC 5806."""


@dataclass(frozen=True, slots=True)
class Caller:
    """`uri` is whom the call is from, anonymous when that is private; `name` the display name, or empty."""

    uri: str
    name: str
    identity: Identity | None
    diverted_by: tuple[Diversion, ...]


def caller_of(message: SipMessage, *, trusted: bool) -> Caller:
    """Who calls.

    :param trusted: whether the trunk's word is believed for what From does not say
    """
    claimed = parse_address(message.first("from"))
    hidden = bool(_privacy(message) & _HIDING) or (trusted and _remote_party_hidden(message))
    asserted = _asserted(message) if trusted else None
    sent_on = diversions(message) if trusted else ()
    if hidden:
        nobody = Identity("", "", asserted[1] if asserted else "From", private=True)
        return Caller(_anonymous(claimed.uri), "", nobody, sent_on)
    if asserted is None:
        number, name = _user(claimed.uri), display_name(claimed.display)
        claim = Identity(number, name, "From", private=False) if number else None
        return Caller(claimed.uri, name, claim, sent_on)
    address, header = asserted
    name = display_name(address.display) or display_name(claimed.display)
    identity = Identity(_user(address.uri), name, header, private=False)
    return Caller(_asserted_uri(address.uri, claimed.uri), name, identity, sent_on)


def _privacy(message: SipMessage) -> set[str]:
    values = {part.strip().lower() for value in message.all("privacy") for part in re.split("[;,]", value)}
    return set() if "none" in values else values


def _asserted(message: SipMessage) -> tuple[Address, str] | None:
    """Whom the network vouches for: P-Asserted-Identity before Remote-Party-ID; of several, one with a number."""
    for name, header in (("p-asserted-identity", "P-Asserted-Identity"), ("remote-party-id", "Remote-Party-ID")):
        found = [parse_address(value) for value in _values(message.all(name)) if _is_caller(name, value)]
        found = [address for address in found if _user(address.uri).lower() not in _UNKNOWN_NAMES]
        numbered = [address for address in found if _user(address.uri).lstrip("+").isdigit()]
        if found:
            return (numbered or found)[0], header
    return None


def _is_caller(name: str, value: str) -> bool:
    return name != "remote-party-id" or header_parameters(value).get("party", "calling").lower() == "calling"


def _remote_party_hidden(message: SipMessage) -> bool:
    values = [header_parameters(value) for value in _values(message.all("remote-party-id"))]
    return any(value.get("privacy", "off").lower() not in ("off", "none", "name", "") for value in values)


def _anonymous(claimed: str) -> str:
    uri = parse_uri(claimed)
    return f"sip:{ANONYMOUS}@{uri.host if uri and uri.host else 'anonymous.invalid'}"


def _asserted_uri(asserted: str, claimed: str) -> str:
    """A tel URI has no host, and what is transferred to a number needs the one of the far end: that of From."""
    uri, far = parse_uri(asserted), parse_uri(claimed)
    if uri is None or uri.scheme != "tel":
        return asserted
    host = far.host if far and far.host else "anonymous.invalid"
    return f"sip:{uri.user}@{host}:{far.port}" if far and far.port else f"sip:{uri.user}@{host}"


def _user(uri: str) -> str:
    parsed = parse_uri(uri)
    return header_text(legible(parsed.user)) if parsed else ""


# ---------------------------------------------------------------- who sent the call on


def diversions(message: SipMessage) -> tuple[Diversion, ...]:
    """Who sent the call on, the last first: by Diversion, else by History-Info."""
    by_diversion = [_diversion(value) for value in _values(message.all("diversion"))]
    found = [one for one in by_diversion if one is not None] or list(_by_history(message))
    return tuple(found[:_MOST_DIVERSIONS])


def _diversion(value: str) -> Diversion | None:
    address, parameters = parse_address(value), header_parameters(value)
    if not (number := _user(address.uri)):
        return None
    hidden = parameters.get("privacy", "off").lower() in ("full", "uri")
    reason = header_text(parameters.get("reason", "unknown")).lower()[:40]
    return Diversion("" if hidden else number, "" if hidden else display_name(address.display), reason)


def _by_history(message: SipMessage) -> Iterable[Diversion]:
    """An entry is one that sent the call on when it has the reason why it was left (RFC 7044 section 10.2), or when the
    next one says why it was reached instead (RFC 4458)."""
    entries = [parse_address(value) for value in _values(message.all("history-info"))]
    found: list[Diversion] = []
    for index, entry in enumerate(entries):
        own = re.search(r"[?&]Reason=([^&>]*)", entry.uri, re.IGNORECASE)
        cause = re.search(r"cause\s*=\s*(\d{3})", unquote(own[1])) if own else None
        following = re.search(r";cause=(\d{3})", entries[index + 1].uri) if index + 1 < len(entries) else None
        code = cause or following
        if code is None or not (number := _user(entry.uri)):
            continue
        hidden = "privacy=history" in unquote(entry.uri).lower() or "history" in _privacy(message)
        name = display_name(entry.display)
        found.append(Diversion("" if hidden else number, "" if hidden else name, _reason(code[1])))
    return reversed(found)


def _reason(cause: str) -> str:
    return _DIVERSION_REASONS.get(cause, "unknown")


# ---------------------------------------------------------------- texts


def _values(lines: Iterable[str]) -> list[str]:
    return [part for line in lines for part in split_values(line)]


def header_parameters(value: str) -> dict[str, str]:
    """Parameters behind a name-addr, or behind a bare URI, whose parameters are the header's."""
    behind = value.rpartition(">")[2] if ">" in value else value
    return {name.lower(): _unquoted(text) for name, text in _PARAMETER.findall(behind)}


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') and len(text) > 1 else text


def display_name(text: str) -> str:
    """A display name as people read it; empty where it only says that there is none."""
    name = legible(text)
    if "=?" in name:
        with suppress(HeaderParseError, LookupError, UnicodeError, ValueError):
            name = str(make_header(decode_header(name)))
    name = header_text(name).strip("\"' ")[:_NAME_LIMIT]
    return "" if name.lower() in _UNKNOWN_NAMES else name


def legible(text: str) -> str:
    """Text of a message: UTF-8 (RFC 3261 section 7.3.1), or Latin-1 where a PBX does not know that."""
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
