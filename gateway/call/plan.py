"""What a worker is told of a call when it is asked to take it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan
from gateway.assistant.variables import moment
from gateway.call.leg import Direction, LegInfo
from gateway.link.v1 import link_pb2 as pb
from gateway.routing.header_variables import header_variables

_USER = re.compile(r"(?:sips?:|tel:)?\s*([^@;>\s]+)", re.IGNORECASE)
_ANGLE = re.compile(r"<([^>]*)>")

_NONE: Mapping[str, Any] = MappingProxyType({})

DIRECTIONS = {Direction.INBOUND: pb.DIRECTION_INBOUND, Direction.OUTBOUND: pb.DIRECTION_OUTBOUND}


def number_of(party: str) -> str:
    """The number or user name in a SIP URI, name-addr or plain number (RFC 3261 section 20.10)."""
    angle = _ANGLE.search(party)
    match = _USER.match(angle[1] if angle else party)
    return match[1] if match else party


def variables(call_id: str, info: LegInfo, now: datetime) -> dict[str, Any]:
    """Template variables with Vapi's names, nested as `{{customer.number}}` reads them."""
    inbound = info.direction is Direction.INBOUND
    customer = {"number": number_of(info.caller if inbound else info.called)}
    transport = {"provider": "sip", "conversationType": "voice", "callSid": info.signalling_id}
    if info.display_name:
        customer["name"] = info.display_name
    if info.diverted_by and info.diverted_by[0].number:
        transport["forwardedFrom"] = info.diverted_by[0].number
    return {
        "call": {"id": call_id, "type": "inboundPhoneCall" if inbound else "outboundPhoneCall"},
        "customer": customer,
        "phoneNumber": {"number": info.number if inbound else number_of(info.caller)},
        "transport": transport,
        "trunk": info.trunk or "",
        **moment(now),
    }


def start_call(
    call_id: str,
    info: LegInfo,
    answering: Assistant | CallPlan,
    now: datetime,
    given: Mapping[str, Any] = _NONE,
    *,
    record_events: bool = False,
    ask_consent: bool = False,
) -> pb.StartCall:
    """The opening of a new call.

    :param answering: an assistant of the settings, or what the control plane resolved
    :param given: template variables of this call alone; a dotted name reaches into an object: `customer.name`
    """
    planned = isinstance(answering, CallPlan)
    answering_json = answering.model_dump_json(by_alias=True)
    known = variables(call_id, info, now)
    if isinstance(answering, CallPlan):
        known["call"]["type"] = answering.call.get("type", known["call"]["type"])
    else:
        # A plan has them already, as its texts write them.
        known = {**header_variables(info.headers, [answering_json]), **known}
    return pb.StartCall(
        call_id=call_id,
        assistant_json="" if planned else answering_json,
        plan_json=answering_json if planned else "",
        variables_json=json.dumps({**known, **given}, ensure_ascii=False),
        direction=DIRECTIONS[info.direction],
        record_events=record_events,
        ask_consent=ask_consent,
    )


def durations_of(plan: CallPlan | None) -> list[float]:
    """How long each member of a plan but the first may have the call, s: the worker keeps to the one of who has it."""
    given = [member.assistant.get("maxDurationSeconds") for member in plan.members[1:]] if plan else []
    return [float(seconds) for seconds in given if isinstance(seconds, int | float)]
