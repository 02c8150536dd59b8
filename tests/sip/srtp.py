"""SRTP as SDES keys it: AES_CM_128_HMAC_SHA1_80 of one stream (RFC 3711, RFC 4568), enough for a scripted party."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SUITE = "AES_CM_128_HMAC_SHA1_80"
_HEADER, _TAG = 12, 10
_ENCRYPTION, _AUTHENTICATION, _SALT = 0, 1, 2
"""Labels of the key derivation (section 4.3.1)."""


class Keys:
    """Session keys of one direction. The roll-over counter stays 0: a test is shorter than 65536 packets."""

    def __init__(self, master: bytes) -> None:
        """:param master: 16 bytes of key and 14 of salt"""
        self.master = master
        self._encryption = self._derive(_ENCRYPTION, 16)
        self._authentication = self._derive(_AUTHENTICATION, 20)
        self._salt = int.from_bytes(self._derive(_SALT, 14), "big") << 16

    @property
    def line(self) -> str:
        """As an SDP says them."""
        return f"a=crypto:1 {SUITE} inline:{base64.b64encode(self.master).decode()}"

    def protect(self, packet: bytes) -> bytes:
        """RTP without extensions and sources → SRTP."""
        sealed = packet[:_HEADER] + self._crypt(packet)
        return sealed + self._tag(sealed)

    def unprotect(self, packet: bytes) -> bytes:
        """SRTP → RTP. :raises ValueError: when somebody else made it"""
        sealed, tag = packet[:-_TAG], packet[-_TAG:]
        if not hmac.compare_digest(tag, self._tag(sealed)):
            raise ValueError("the packet's tag is wrong")
        return sealed[:_HEADER] + self._crypt(sealed)

    def _crypt(self, packet: bytes) -> bytes:
        source, index = int.from_bytes(packet[8:12], "big"), int.from_bytes(packet[2:4], "big")
        return _aes_cm(self._encryption, self._salt ^ (source << 64) ^ (index << 16), packet[_HEADER:])

    def _tag(self, sealed: bytes) -> bytes:
        return hmac.new(self._authentication, sealed + bytes(4), hashlib.sha1).digest()[:_TAG]

    def _derive(self, label: int, length: int) -> bytes:
        salt = int.from_bytes(self.master[16:], "big") ^ (label << 48)
        return _aes_cm(self.master[:16], salt << 16, bytes(length))


def keys_of(sdp: str) -> Keys:
    """The keys that an SDP says. :raises ValueError: it has none of this suite"""
    found = re.search(rf"a=crypto:\d+ {SUITE} inline:([A-Za-z0-9+/=]+)", sdp)
    if found is None:
        raise ValueError("no crypto attribute")
    return Keys(base64.b64decode(found[1]))


def tag_of(sdp: str) -> str:
    """The tag of the crypto attribute with this suite, which an answer repeats. :raises ValueError: there is none"""
    found = re.search(rf"a=crypto:(\d+) {SUITE} ", sdp)
    if found is None:
        raise ValueError("no crypto attribute")
    return found[1]


def _aes_cm(key: bytes, start: int, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16, "big"))).encryptor()
    return encryptor.update(data) + encryptor.finalize()
