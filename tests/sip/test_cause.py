"""Causes of the telephone network."""

from __future__ import annotations

import pytest

from gateway.sip.cause import status_by_cause


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('Q.850;cause=17;text="User busy"', 486),
        ("q.850 ; cause = 19", 480),
        ("SIP;cause=200, Q.850;cause=34", 503),
        ('Q.850;text="no circuit";cause=34', 503),
        ("Q.850;cause=16", 480),
        ("SIP;cause=486", 480),
        ("Q.850;cause=999999", 480),
        ("", 480),
    ],
)
def test_the_cause_of_the_network_says_more_than_the_gateways_status(header: str, status: int) -> None:
    assert status_by_cause(480, header) == status
