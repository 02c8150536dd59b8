"""What a call can be told from a SIP request's text: addresses, the called number, headers worth keeping.

Pure parsing (RFC 3261 sections 7.3, 19.1, 20; RFC 3966 for tel URIs). The stack has checked the message before; this
module never raises on what a caller wrote, it leaves out what it cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

_COMPACT = {
    "b": "referred-by",
    "c": "content-type",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "v": "via",
    "x": "session-expires",
}
_KEPT = {
    "alert-info": "Alert-Info",
    "call-info": "Call-Info",
    "diversion": "Diversion",
    "history-info": "History-Info",
    "p-asserted-identity": "P-Asserted-Identity",
    "p-called-party-id": "P-Called-Party-ID",
    "privacy": "Privacy",
    "reason": "Reason",
    "referred-by": "Referred-By",
    "remote-party-id": "Remote-Party-ID",
    "subject": "Subject",
    "user-agent": "User-Agent",
    "user-to-user": "User-to-User",
}
_KEPT_LIMIT = 40
_VALUE_LIMIT = 1000
"""Characters of a header value that are kept: a call's record must not grow with what a caller sends."""

_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@>]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s;?:>\[\]]+)(?::(?P<port>\d{1,5}))?"
    r"(?P<params>(?:;[^?>]*)?)(?:\?.*)?",
    re.IGNORECASE,
)
_TEL = re.compile(r"tel:(?P<number>[^;>]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class SipUri:
    """A sip, sips or tel URI. `user` is unescaped and without its own parameters; a tel URI has no host."""

    scheme: str
    user: str
    host: str
    port: int | None
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Address:
    """A name-addr: the display name and the URI's text as it came."""

    display: str
    uri: str


@dataclass(frozen=True, slots=True)
class SipMessage:
    """Start line and headers of a message, in order; names in lower case and long form."""

    start_line: str
    headers: tuple[tuple[str, str, str], ...]
    """(name, name as it was written, value)"""

    def all(self, name: str) -> list[str]:
        """Every value of a header, top first."""
        return [value for key, _, value in self.headers if key == name]

    def first(self, name: str) -> str:
        """The topmost value of a header, or the empty string."""
        return next((value for key, _, value in self.headers if key == name), "")

    @property
    def request_uri(self) -> str:
        """The Request-URI, or the empty string for a response."""
        words = self.start_line.split(" ")
        return words[1] if len(words) == 3 and not words[0].startswith("SIP/") else ""


def parse_message(text: str) -> SipMessage:
    """Start line and headers of a message, folded lines joined; the body is left out."""
    head = re.split(r"\r?\n\r?\n", text, maxsplit=1)[0]
    lines = re.sub(r"\r?\n[ \t]+", " ", head).splitlines() or [""]
    return SipMessage(lines[0].strip(), tuple(_split_headers(lines[1:])))


def _split_headers(lines: Iterable[str]) -> Iterable[tuple[str, str, str]]:
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name.strip():
            lower = name.strip().lower()
            yield _COMPACT.get(lower, lower), name.strip(), value.strip()


def parse_address(value: str) -> Address:
    """`"Ann" <sip:ann@example.com>;tag=1` to its display name and URI (RFC 3261 section 20.10)."""
    quoted = re.match(r'\s*"((?:[^"\\]|\\.)*)"\s*<([^>]*)>', value)
    if quoted:
        return Address(re.sub(r"\\(.)", r"\1", quoted[1]), quoted[2].strip())
    bare = re.match(r"\s*([^<]*)<([^>]*)>", value)
    if bare:
        return Address(bare[1].strip(), bare[2].strip())
    # without brackets, parameters after the URI are the header's (RFC 3261 section 20)
    return Address("", value.split(";", 1)[0].strip())


def parse_uri(text: str) -> SipUri | None:
    """The parts of a URI; None for a scheme that is not sip, sips or tel."""
    tel = _TEL.match(text.strip())
    if tel:
        return SipUri("tel", re.sub(r"[-.() ]", "", tel["number"]), "", None, {})
    match = _URI.fullmatch(text.strip())
    if not match:
        return None
    user = unquote((match["user"] or "").split(";", 1)[0].split(":", 1)[0])
    port = int(match["port"]) if match["port"] else None
    return SipUri(match["scheme"].lower(), user, match["host"].lower(), port, _parameters(match["params"]))


def _parameters(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}


def user_part(text: str) -> str:
    """The user of an address or URI, the number of a tel URI, else the empty string."""
    uri = parse_uri(parse_address(text).uri)
    return uri.user if uri else ""


def called_address(message: SipMessage, contact_user: str) -> str:
    """The URI that the caller dialled.

    A registrar rewrites the Request-URI to our contact; what was dialled is then in P-Called-Party-ID (RFC 7315
    section 4.2) or in To.

    :param contact_user: the user part of our contact at the trunk that the call came by, empty without a trunk
    """
    named = message.first("p-called-party-id")
    if named:
        return parse_address(named).uri
    request_uri = message.request_uri
    if contact_user and user_part(request_uri) in ("", contact_user) and user_part(message.first("to")):
        return parse_address(message.first("to")).uri
    return request_uri


_IDENTIFYING = frozenset({"P-Asserted-Identity", "Remote-Party-ID", "Referred-By"})


def kept_headers(message: SipMessage, *, private: bool = False) -> dict[str, str]:
    """X- headers and those that say who calls and why; several of a name are joined by commas, values are bounded.

    :param private: leave out those that name a caller who does not want to be known
    """
    kept: dict[str, str] = {}
    for key, written, value in message.headers:
        name = written if key.startswith("x-") else _KEPT.get(key)
        if name is None or (name not in kept and len(kept) >= _KEPT_LIMIT) or (private and name in _IDENTIFYING):
            continue
        joined = f"{kept[name]}, {value}" if name in kept else value
        kept[name] = header_text(joined)
    return kept


def software_of(message: SipMessage) -> str:
    """What the sender of a response says that it is, or of a request."""
    return header_text(message.first("server") or message.first("user-agent"))


def contacts_of(message: SipMessage) -> list[str]:
    """The SIP URIs of the Contact headers of a 3xx, the highest q first (RFC 3261 section 20.10); none that cannot be
    read."""
    values = [part for value in message.all("contact") for part in split_values(value)]
    ranked = sorted(values, key=lambda value: -_quality(value))
    uris = [parse_address(value).uri for value in ranked]
    return [uri for uri in uris if (parsed := parse_uri(uri)) is not None and parsed.scheme in ("sip", "sips")]


def _quality(value: str) -> float:
    behind = value.rpartition(">")[2] if ">" in value else value
    found = re.search(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)", behind, re.IGNORECASE)
    return float(found[1]) if found else 1.0


def split_values(value: str) -> list[str]:
    """The name-addrs of a header that may hold several: commas in quotes and brackets part nothing."""
    parts = re.findall(r'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+', value)
    return [part.strip() for part in parts if part.strip()]


def end_reason(value: str) -> str:
    """The text of a Reason header (RFC 3326), or its protocol and cause; empty without one."""
    text = re.search(r';\s*text\s*=\s*("(?:[^"\\]|\\.)*"|[^;,]+)', value)
    if not text:
        return header_text(value)
    if text[1].startswith('"'):
        return header_text(re.sub(r"\\(.)", r"\1", text[1][1:-1]))
    return header_text(text[1])


def header_text(text: str) -> str:
    """`text` as one line that may stand in a header: no control characters, bounded."""
    return _CONTROL.sub(" ", text).strip()[:_VALUE_LIMIT]


def quoted(text: str) -> str:
    """`text` as a quoted string (RFC 3261 section 25.1)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", header_text(text)) + '"'
