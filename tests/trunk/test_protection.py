"""Which combinations of transport and encryption a trunk may have."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.trunk.protection import TrunkProtection


@pytest.mark.parametrize(
    "fields",
    [
        {"transport": "tls", "srtp": "required"},
        {"transport": "udp", "srtp": "required", "srtp_keying": "dtls"},
        {"transport": "udp", "srtp": "preferred", "srtp_without_tls": True},
        {"transport": "tls", "tls": {"verify": False}},
        {},
    ],
)
def test_keys_that_nobody_can_read_are_accepted(fields: dict[str, Any]) -> None:
    TrunkProtection.model_validate(fields)


@pytest.mark.parametrize("policy", ["preferred", "required"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_keys_in_readable_signalling_are_refused_with_the_remedies(policy: str, transport: str) -> None:
    with pytest.raises(ValidationError, match="transport: tls, srtp_keying: dtls or srtp_without_tls: true"):
        TrunkProtection.model_validate({"transport": transport, "srtp": policy})


def test_certificates_without_tls_are_refused() -> None:
    with pytest.raises(ValidationError, match="transport: tls beside tls"):
        TrunkProtection.model_validate({"tls": {"verify": False}})
