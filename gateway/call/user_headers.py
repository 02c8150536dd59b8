"""Headers that users may add to requests of a call. Pure.

They may not lead a request elsewhere (a Route would get a call past the guard in `gateway.call.outbound`), say for the
trunk who calls, prove who we are, or take the place of somebody else's call.
"""

from __future__ import annotations

import re

HEADER_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")
"""A token of RFC 3261, section 25.1."""

_COMPACT = "vftimlc"
"""One-letter names of RFC 3261, section 7.3.3, of what is below."""
_ADDRESSING = ("via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route", "record-route", "path")
_BODY = ("content-length", "content-type", "content-encoding", "e")
_IDENTITY = (
    *("p-asserted-identity", "p-preferred-identity", "remote-party-id", "identity", "y", "privacy"),
    *("authorization", "proxy-authorization"),
)
_OTHER_CALLS = ("replaces", "join", "target-dialog")
_OURS = frozenset((*_ADDRESSING, *_BODY, *_IDENTITY, *_OTHER_CALLS, *_COMPACT))


def is_ours(name: str) -> bool:
    """Whether a header of this name is not the user's to set."""
    return name.lower() in _OURS
