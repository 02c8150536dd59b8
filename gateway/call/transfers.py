"""Where a blind transfer leads: Vapi's destination as the REFER that carries it out. Pure.

The caller is sent on by the other side, and the call is over here when that says that it arrived.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from gateway.call.leg import Direction, LegInfo
from gateway.call.user_headers import HEADER_NAME, is_ours
from gateway.errors import LegError

DEFAULT_SECONDS = 60.0
"""From REFER to its final NOTIFY (RFC 3515)."""

_NUMBER = re.compile(r"\+?[0-9A-Za-z*#._-]{1,40}")
_VISUAL = re.compile(r"[ ()\-./]")
_EXTENSION = re.compile(r"[0-9*#]{1,10}")
_HOST = re.compile(r"sips?:(?:[^@>;]*@)?([^>;?\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Referral:
    """A REFER: the URI of Refer-To, the request's own headers, and how long its outcome is waited for."""

    uri: str
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = DEFAULT_SECONDS


def read_destination(text: str, address: str = "") -> dict[str, Any]:
    """The destination of a Transfer message: its JSON, or a bare address.

    :raises LegError: the JSON is none
    """
    if not text:
        kind = {"type": "sip", "sipUri": address} if _HOST.match(address) else {"type": "number", "number": address}
        return dict(kind)
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise LegError("The destination of the transfer is no JSON object.")
    return read


def referral(destination: Mapping[str, Any], info: LegInfo) -> Referral:
    """How the caller gets to a destination of type number or sip.

    :raises LegError: it cannot be reached from this leg, or is malformed
    """
    plan = destination.get("transferPlan")
    plan = plan if isinstance(plan, Mapping) else {}
    headers = sip_headers(destination.get("sipHeaders"))
    uri = _uri(destination, info)
    if plan.get("sipHeadersInReferToEnabled") and headers:
        fields = "&".join(f"{name}={quote(value, safe='')}" for name, value in headers.items())
        uri, headers = f"{uri}{'&' if '?' in uri else '?'}{fields}", {}
    if caller := str(destination.get("callerId") or ""):
        if re.search(r"[\s<>]", caller) and _HOST.match(caller):
            raise LegError(f"The transfer cannot be sent for {caller!r}: it is neither a number nor a SIP URI.")
        headers["Referred-By"] = f"<{_of_number(caller, info) if not _HOST.match(caller) else caller}>"
    seconds = plan.get("timeout", DEFAULT_SECONDS)
    seconds = float(seconds) if isinstance(seconds, int | float) and 1 <= seconds <= 600 else DEFAULT_SECONDS
    return Referral(uri, headers, seconds)


def _uri(destination: Mapping[str, Any], info: LegInfo) -> str:
    if destination.get("type") == "sip":
        uri = str(destination.get("sipUri") or "")
        if not _HOST.match(uri) or re.search(r"[\s<>]", uri):
            raise LegError(f"The call cannot be transferred to {uri!r}: it is no SIP URI such as sip:desk@example.com.")
        return uri
    extension = str(destination.get("extension") or "")
    if extension and not _EXTENSION.fullmatch(extension):
        raise LegError(f"The extension {extension!r} has something else than digits.")
    return _of_number(str(destination.get("number") or ""), info, extension)


def _of_number(number: str, info: LegInfo, extension: str = "") -> str:
    """A number as a SIP URI at the far end, which knows the way to it (RFC 3261 section 19.1.6)."""
    plain = _VISUAL.sub("", number)
    if not _NUMBER.fullmatch(plain):
        raise LegError(f"The call cannot be transferred to {number!r}: it is no number.")
    far = info.caller if info.direction is Direction.INBOUND else info.called
    host = _HOST.search(far)
    if host is None:
        raise LegError(f"The call cannot be transferred to {number}: the far end has no SIP domain that knows it.")
    user = f"{plain};ext={extension}" if extension else plain
    return f"sip:{user}@{host[1]}" + (";user=phone" if plain.startswith("+") else "")


def sip_headers(given: Any) -> dict[str, str]:
    """What a destination's sipHeaders add to a request. :raises LegError: one cannot be sent"""
    headers = {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or is_ours(name) or re.search(r"[\r\n]", value):
            raise LegError(f"{name!r} cannot be sent as a header of the transfer.")
    return headers
