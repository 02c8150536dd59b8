"""How phone numbers and SIP URIs are compared."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"[\s().\-/]")
_SIP_URI = re.compile(r"(?:sips?:)?([^@;?\s<]+)@([^:;?\s>]+)", re.IGNORECASE)


def normal_number(number: str) -> str:
    """Without the punctuation that people write: +1 (555) 123-4567 is +15551234567."""
    return _PUNCTUATION.sub("", number).lower()


def other_writing(number: str) -> str | None:
    """A normal number with the leading plus that it lacks, or without the one that it has; None for what is no number.
    Both are one telephone."""
    digits = number.removeprefix("+")
    if not digits.isdigit():
        return None
    return digits if number.startswith("+") else f"+{digits}"


def normal_sip_uri(uri: str) -> str:
    """sip:user@host in small letters, without port and parameters; what is no such URI stays."""
    match = _SIP_URI.search(uri)
    return f"sip:{match[1]}@{match[2]}".lower() if match else uri.strip().lower()


def user_of(uri: str) -> str | None:
    """The part before the @ of a SIP URI; None when it has none."""
    match = _SIP_URI.search(uri)
    return match[1].lower() if match else None
