from __future__ import annotations

import pytest

from gateway.call.leg import Direction, LegInfo
from gateway.sip.headers import parse_message
from gateway.sip.replacing import may_replace, replaced_info

CONTACT = "<sip:ann@10.0.0.7:5070>"


def info(trunk: str | None, direction: Direction = Direction.INBOUND) -> LegInfo:
    return LegInfo(direction, "sip:ann@h", "sip:600@h", "600", trunk, "c", {})


@pytest.mark.parametrize(
    ("trunk", "same_account", "source", "allowed"),
    [
        ("pbx", True, "10.9.9.9:5060", True),
        ("pbx", False, "10.0.0.7:5070", False),
        (None, True, "10.0.0.7:40000", True),
        (None, True, "10.0.0.8:5070", False),
    ],
)
def test_a_party_is_put_in_anothers_place_only_from_where_the_call_is(
    trunk: str | None, same_account: bool, source: str, allowed: bool
) -> None:
    assert may_replace(info(trunk), same_account=same_account, contact=CONTACT, source=source) is allowed


def test_the_new_party_is_the_far_end_of_the_leg() -> None:
    message = parse_message('INVITE sip:600@h SIP/2.0\r\nFrom: "Bob" <sip:bob@pbx>;tag=1\r\n\r\n')
    assert replaced_info(info("pbx"), message).caller == "sip:bob@pbx"
    assert replaced_info(info("pbx", Direction.OUTBOUND), message).called == "sip:bob@pbx"
