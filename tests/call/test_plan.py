from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gateway.assistant.assistant import Assistant, Model
from gateway.call.leg import Direction
from gateway.call.plan import number_of, start_call, variables
from gateway.link.v1 import link_pb2 as pb
from tests.call.leg_double import inbound

NOW = datetime(2030, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("party", "number"),
    [
        ("sip:+4930123@example.com;user=phone", "+4930123"),
        ('"Alice" <sips:alice@example.com>;tag=1', "alice"),
        ("tel:+1555", "+1555"),
        ("600", "600"),
        ("", ""),
    ],
)
def test_the_number_of_a_party_is_its_user_part(party: str, number: str) -> None:
    assert number_of(party) == number


def test_an_inbound_callers_number_is_the_customers() -> None:
    known = variables("c1", inbound(), NOW)
    assert known["customer"] == {"number": "alice"}
    assert known["phoneNumber"] == {"number": "600"}
    assert known["call"]["id"] == "c1"
    assert (known["now"], known["date"], known["time"]) == ("May 6, 2030 7:08 AM", "May 6, 2030", "7:08 AM")


def test_of_an_outbound_call_the_callee_is_the_customer() -> None:
    info = inbound(direction=Direction.OUTBOUND, caller="sip:600@h", called="sip:bob@h")
    known = variables("c1", info, NOW)
    assert known["customer"] == {"number": "bob"}
    assert known["phoneNumber"] == {"number": "600"}


def test_the_worker_gets_the_assistant_with_vapis_field_names() -> None:
    assistant = Assistant(model=Model(provider="dialogue", messages=[{"role": "system"}]), first_message="hi")
    start = start_call("c1", inbound(), assistant, NOW)
    assert start.direction == pb.DIRECTION_INBOUND
    assert json.loads(start.assistant_json)["firstMessage"] == "hi"
    assert Assistant.model_validate_json(start.assistant_json) == assistant
