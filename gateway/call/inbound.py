"""Asking the control plane who answers an inbound call that no route takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan
from gateway.assistant.member import member_assistant
from gateway.call.leg import LegInfo
from gateway.errors import CallRefused, PlaneAway, Unresolved
from gateway.plane.attachment import PlaneAttachment
from gateway.plane.v1 import plane_pb2 as pb

MARGIN_SECONDS = 2.0
"""For the control plane's own work, besides the time that a user's server has to answer."""
RETRY_AFTER_SECONDS = 5


async def resolved(plane: PlaneAttachment, call_id: str, info: LegInfo, seconds: float) -> CallPlan | dict[str, Any]:
    """The plan of a call; or, where nobody answers here, Vapi's number or sip destination for the caller.

    :param seconds: how long a user's server may think
    :raises CallRefused: when nobody answers
    """
    try:
        resolution = await plane.resolve(call_id, json.dumps(asdict(info)), seconds=seconds + MARGIN_SECONDS)
        match resolution.WhichOneof("answer"):
            case "plan_json":
                return CallPlan.model_validate_json(resolution.plan_json)
            case "destination_json":
                return dict(json.loads(resolution.destination_json))
    except PlaneAway as error:
        raise Unresolved(str(error), status=503, reason="plane-away", retry_after=RETRY_AFTER_SECONDS) from error
    except (ValidationError, ValueError) as error:
        raise Unresolved("The control plane's answer cannot be read.", status=503, reason="plane-fault") from error
    raise _refusal(resolution.refusal)


def first_assistant(plan: CallPlan) -> Assistant:
    """Who speaks first. :raises InvalidAssistant: when that one cannot"""
    return member_assistant(plan.members[0])


def contact_of(destination: Mapping[str, Any], info: LegInfo) -> str:
    """The SIP URI of Vapi's sip or number destination; a number is one of where the caller calls from."""
    if uri := str(destination.get("sipUri") or ""):
        return uri
    number = re.sub(r"[^0-9A-Za-z+*#]", "", str(destination.get("number") or ""))
    host = re.search(r"@([^>;?\s]+)", info.caller)
    return f"sip:{number}@{host[1]}" if host else f"tel:{number}"


def _refusal(refusal: pb.Refusal) -> CallRefused:
    return Unresolved(
        refusal.detail or "Nobody answers this number.",
        status=refusal.status or 404,
        reason=refusal.reason or "no-route",
    )
