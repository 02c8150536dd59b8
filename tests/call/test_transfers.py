from __future__ import annotations

from typing import Any

import pytest

from gateway.call.leg import Direction, LegInfo
from gateway.call.transfers import read_destination, referral
from gateway.errors import LegError

IN = LegInfo(Direction.INBOUND, '"Ann" <sip:ann@pbx.example:5070>', "sip:100@10.0.0.1", "100", "pbx", "c1", {})
OUT = LegInfo(Direction.OUTBOUND, "sip:100@10.0.0.1", "sip:+15551234@carrier.example", "100", None, "c2", {})


def number(value: str = "+15557777", **fields: Any) -> dict[str, Any]:
    return {"type": "number", "number": value, **fields}


@pytest.mark.parametrize(
    ("destination", "info", "uri"),
    [
        (number(), IN, "sip:+15557777@pbx.example:5070;user=phone"),
        (number(), OUT, "sip:+15557777@carrier.example;user=phone"),
        (number("(555) 77-77"), OUT, "sip:5557777@carrier.example"),
        (number("200", extension="12"), IN, "sip:200;ext=12@pbx.example:5070"),
        ({"type": "sip", "sipUri": "sip:desk@example.com;transport=tls"}, IN, "sip:desk@example.com;transport=tls"),
    ],
)
def test_a_destination_becomes_the_uri_of_a_refer(destination: dict[str, Any], info: LegInfo, uri: str) -> None:
    assert referral(destination, info).uri == uri


def test_headers_go_with_the_request_or_into_refer_to() -> None:
    plain = {"type": "sip", "sipUri": "sip:desk@example.com", "sipHeaders": {"X-Case": "4 2"}, "callerId": "+1555"}
    refer = referral(plain, IN)
    assert refer.headers == {"X-Case": "4 2", "Referred-By": "<sip:+1555@pbx.example:5070;user=phone>"}
    inside = {**plain, "transferPlan": {"mode": "blind-transfer", "sipHeadersInReferToEnabled": True}}
    assert referral(inside, IN).uri == "sip:desk@example.com?X-Case=4%202"


@pytest.mark.parametrize(
    "destination",
    [
        number(""),
        number("sip:evil@h>;x="),
        number(extension="12\r\nX: y"),
        {"type": "sip", "sipUri": "https://example.com"},
        {"type": "sip", "sipUri": "sip:a b@h"},
        {"type": "sip", "sipUri": "sip:a@h", "sipHeaders": {"X-A": "1\r\nContact: <sip:evil>"}},
        {"type": "sip", "sipUri": "sip:a@h", "sipHeaders": {"Route": "<sip:premium.example;lr>"}},
        {"type": "sip", "sipUri": "sip:a@h", "sipHeaders": {"p-asserted-identity": "<sip:boss@h>"}},
        {"type": "sip", "sipUri": "sip:a@h", "callerId": "sip:a@h>\r\nRoute: <sip:premium.example;lr"},
    ],
)
def test_what_is_no_address_is_refused(destination: dict[str, Any]) -> None:
    with pytest.raises(LegError):
        referral(destination, IN)


def test_a_number_needs_a_far_end_that_knows_it() -> None:
    anonymous = LegInfo(Direction.INBOUND, "anonymous", "sip:100@h", "100", None, "c", {})
    with pytest.raises(LegError, match="no SIP domain"):
        referral(number(), anonymous)


def test_a_bare_address_is_a_destination() -> None:
    assert read_destination("", "sip:a@h") == {"type": "sip", "sipUri": "sip:a@h"}
    assert read_destination("", "200") == {"type": "number", "number": "200"}
    with pytest.raises(LegError):
        read_destination("[]")
