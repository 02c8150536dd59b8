"""Who calls whom, from what SIP says."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.messages.parties import customer_of


@pytest.mark.parametrize(
    ("address", "customer"),
    [
        ("+15550100", {"number": "+15550100"}),
        ("sip:+15550100@pbx.example:5060", {"number": "+15550100", "sipUri": "sip:+15550100@pbx.example:5060"}),
        ("sip:anna@pbx.example", {"sipUri": "sip:anna@pbx.example"}),
        ('"Anna B" <sip:200@pbx.example>;tag=1', {"name": "Anna B", "number": "200", "sipUri": "sip:200@pbx.example"}),
        ("tel:+15550100", {"number": "+15550100"}),
        ("", {}),
    ],
)
def test_a_customer_is_a_number_or_an_address(address: str, customer: dict[str, Any]) -> None:
    assert customer_of(address) == customer
