from __future__ import annotations

import pytest

from gateway.campaigns.numbers import listed_number


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("+1 (555) 123-4567", "+15551234567"),
        ("0015551234567", "+15551234567"),
        ("15551234567", "+15551234567"),
        ("tel:+15551234567", "+15551234567"),
        ("sip:+15551234567@carrier.example.com:5061;transport=tls", "+15551234567"),
        ("sip:15551234567@carrier.example.com", "+15551234567"),
        ("SIP:Ann@PBX.example.com", "sip:ann@pbx.example.com"),
        ("+49 (0)30 123456", "+4930123456"),
        ("Ann", None),
        ("", None),
        ("sip:", None),
        ("+", None),
    ],
)
def test_a_number_is_kept_in_one_writing(written: str, kept: str | None) -> None:
    assert listed_number(written) == kept
