"""Who calls whom, in Vapi's words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_NUMBER: Final = re.compile(r"\+?[0-9*#]{3,40}")
_URI: Final = re.compile(r"(?:sips?|tel):([^@;>]+)", re.IGNORECASE)


def customer_of(address: str) -> dict[str, Any]:
    """The customer at a SIP URI or number, `"Name" <sip:…>` included."""
    address = address.strip()
    inside = re.search(r"<([^>]*)>", address)
    name = address[: inside.start()].strip().strip('"') if inside else ""
    uri = inside[1] if inside else address
    found = _URI.match(uri)
    user = found[1] if found else uri
    customer: dict[str, Any] = {"name": name[:40]} if name else {}
    if _NUMBER.fullmatch(user):
        customer["number"] = user
    if found and uri.lower().startswith("sip"):
        customer["sipUri"] = uri
    return customer


def call_type(direction: str) -> str:
    """Of a call that nobody planned."""
    return "outboundPhoneCall" if direction == "outbound" else "inboundPhoneCall"


def sip_transport(signalling_id: str, forwarded_from: str = "") -> Mapping[str, Any]:
    """Where a call over SIP runs, and who sent it on to us."""
    known = {"provider": "vapi.sip", "conversationType": "voice", "callSid": signalling_id}
    return known | ({"forwardedFrom": forwarded_from} if forwarded_from else {})


def forwarder(diverted_by: Sequence[object]) -> str:
    """The number of the last who sent the call on; empty where nobody did, or where it is private."""
    last = diverted_by[0] if diverted_by else None
    return str(last.get("number") or "") if isinstance(last, Mapping) else ""
