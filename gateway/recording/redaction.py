"""SIP messages without what others must not learn from a capture. Each keeps its length, and so its Content-Length."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(
    rb"^((?:proxy-)?authorization[ \t]*:[ \t]*)(\S+)(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE
)
_PARAMETER = re.compile(rb"([\w-]+)([ \t]*=[ \t]*)(\"[^\"]*\"|[^,\s]+)")
_HARMLESS = frozenset((b"username", b"realm", b"uri", b"algorithm", b"qop", b"nc"))
"""Parameters of a digest that tell who answered which challenge."""
_MEDIA_KEYS = re.compile(
    rb"^(a=crypto:.*?\binline:|a=key-mgmt:\S+ |a=ice-pwd:|k=)([^\r\n]+)", re.IGNORECASE | re.MULTILINE
)
_CONTENT = re.compile(rb"^(?:content-type|c)[ \t]*:[ \t]*([^;\s]+)", re.IGNORECASE | re.MULTILINE)
_TOLD = frozenset((b"application/sdp", b"message/sipfrag"))
"""Bodies that hold nothing that a caller says or presses."""


def without_secrets(message: bytes) -> bytes:
    """Without digests, from which a password may be guessed, and without the keys of the audio."""
    head, gap, body = message.partition(b"\r\n\r\n")
    return _CREDENTIALS.sub(_credentials, head) + gap + _MEDIA_KEYS.sub(_key, body)


def without_content(message: bytes) -> bytes:
    """Without a body that may hold what the caller pressed or wrote, as that of INFO or MESSAGE does."""
    head, gap, body = message.partition(b"\r\n\r\n")
    kind = _CONTENT.search(head)
    if not body or (kind is not None and kind[1].lower() in _TOLD):
        return message
    return head + gap + b"x" * len(body)


def _credentials(match: re.Match[bytes]) -> bytes:
    if match[2].lower() != b"digest":
        return match[1] + match[2] + re.sub(rb"\S", b"x", match[3])
    return match[1] + match[2] + _PARAMETER.sub(_parameter, match[3])


def _parameter(match: re.Match[bytes]) -> bytes:
    if match[1].lower() in _HARMLESS:
        return match[0]
    return match[1] + match[2] + re.sub(rb"[^\"]", b"x", match[3])


def _key(match: re.Match[bytes]) -> bytes:
    return match[1] + b"x" * len(match[2])
