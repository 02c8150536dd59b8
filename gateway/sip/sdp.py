"""What an offer offers: whether any codec of its audio is one of ours (RFC 4566, RFC 3551)."""

from __future__ import annotations

from collections.abc import Collection

_STATIC = {"0": "pcmu", "8": "pcma", "9": "g722"}
"""Payload types that need no rtpmap (RFC 3551 section 6)."""


def offers_codec(sdp: str, codecs: Collection[str]) -> bool:
    """Whether an offer has audio that `codecs` can carry; audio that is switched off (port 0) is none.

    :param codecs: encoding names, in any case
    """
    wanted = {codec.lower() for codec in codecs}
    for section in sdp.replace("\r", "").split("\nm=")[1:]:
        words, *attributes = section.split("\n")
        kind, port, *payloads = [*words.split(" "), "", ""]
        if kind == "audio" and port != "0" and wanted & _names(payloads[1:], attributes):
            return True
    return False


def _names(payloads: list[str], attributes: list[str]) -> set[str]:
    named = dict(_STATIC)
    for attribute in attributes:
        payload, _, encoding = attribute.removeprefix("a=rtpmap:").partition(" ")
        if attribute.startswith("a=rtpmap:"):
            named[payload] = encoding.partition("/")[0].lower()
    return {named[payload] for payload in payloads if payload in named}
