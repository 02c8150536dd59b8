"""The tests' own SRTP against the vectors of RFC 3711, appendix B.3."""

from __future__ import annotations

import pytest

from tests.sip.srtp import Keys, keys_of

MASTER = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6")
PACKET = bytes([0x80, 0, 0, 7]) + bytes(4) + b"\xca\xfe\xba\xbe" + b"sound" * 32


def test_the_keys_are_derived_as_the_standard_has_it() -> None:
    keys = Keys(MASTER)
    assert keys._encryption.hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert (keys._salt >> 16).to_bytes(14, "big").hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert keys._authentication.hex().upper().startswith("CEBE321F6FF7716B6FD4AB49AF256A15")


def test_what_is_sealed_is_opened_with_the_same_keys_only() -> None:
    keys = keys_of(Keys(MASTER).line)
    assert keys.unprotect(keys.protect(PACKET)) == PACKET
    with pytest.raises(ValueError, match="tag"):
        Keys(bytes(30)).unprotect(keys.protect(PACKET))
