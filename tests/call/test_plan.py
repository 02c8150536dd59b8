from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gateway.assistant.assistant import Assistant, Model
from gateway.assistant.call_plan import CallPlan, Member
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


def test_headers_of_the_invite_are_variables_of_an_assistant_of_the_settings() -> None:
    assistant = Assistant(model=Model(provider="dialogue"), first_message="hi {{AccountId}}")
    start = start_call("c", inbound(headers={"X-accountid": "7"}), assistant, NOW)
    assert json.loads(start.variables_json)["AccountId"] == "7"


def test_a_plan_goes_to_the_worker_as_it_is_and_says_what_kind_of_call_it_is() -> None:
    plan = CallPlan(
        organisation="acme",
        call={"id": "c", "type": "vapi.websocketCall"},
        members=[Member(assistant={"firstMessage": "hi"})],
    )
    start = start_call("c", inbound(), plan, NOW, {"account": 7})
    assert CallPlan.model_validate_json(start.plan_json) == plan
    assert not start.assistant_json
    told = json.loads(start.variables_json)
    assert (told["call"]["type"], told["account"]) == ("vapi.websocketCall", 7)
