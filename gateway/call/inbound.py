"""Asking the control plane who answers an inbound call that no route takes."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import structlog
from pydantic import ValidationError

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan
from gateway.assistant.member import member_assistant
from gateway.call.door import Door
from gateway.call.endings import CONCURRENCY_LIMIT, PLANE_FAULT
from gateway.call.leg import LegInfo
from gateway.errors import CallRefused, PlaneAway, Unresolved
from gateway.plane.attachment import PlaneAttachment
from gateway.plane.kept_answers import KeptAnswers
from gateway.plane.v1 import plane_pb2 as pb
from gateway.routing.digest import Expected
from gateway.routing.settings import RouteSettings

MARGIN_SECONDS = 2.0
"""For the control plane's own work, besides the time that a user's server has to answer."""
RETRY_AFTER_SECONDS = 5
NOT_FOUND = 404

log = structlog.get_logger(__name__)


async def resolved(
    plane: PlaneAttachment,
    call_id: str,
    info: LegInfo,
    seconds: float,
    *,
    door: Door,
    owner: str | None,
    route: RouteSettings | None = None,
    kept: KeptAnswers | None = None,
    dials: bool = False,
) -> CallPlan | dict[str, Any]:
    """The plan of a call; or, where nobody answers here, Vapi's number or sip destination for the caller.

    :param seconds: how long a user's server may think
    :param door: where callers of numbers with credentials say who they are
    :param owner: the organisation by whose trunk the call came, None for any
    :param route: whose server is asked; None for a number of the store
    :param dials: where the caller is sent on is part of a plan: the gateway calls there
    :param kept: who answered a number before, for when the control plane cannot say
    :raises CallRefused: when nobody answers
    """
    leg = json.loads(_told(info))
    if route is not None:
        kept = None
    protected = False
    try:
        question = pb.Resolve(call_id=call_id, leg_json=_told(info), organisation=owner or "", dials=dials)
        if route is not None and route.server is not None:
            question.route_json = json.dumps({"server": route.server.told(), "name": route.name})
        resolution = await plane.resolve(question, seconds=seconds + MARGIN_SECONDS)
        if resolution.HasField("challenge"):
            protected = True
            door.pass_through(info, _expected(resolution.challenge))
            question.authenticated = True
            resolution = await plane.resolve(question, seconds=seconds + MARGIN_SECONDS)
        match resolution.WhichOneof("answer"):
            case "plan_json":
                plan = CallPlan.model_validate_json(resolution.plan_json)
                if kept is not None and plan.forwarding is None:
                    await asyncio.to_thread(kept.forget if protected else partial(kept.keep, plan=plan), leg, owner)
                return plan
            case "destination_json":
                return dict(json.loads(resolution.destination_json))
    except PlaneAway as error:
        if kept is not None and (plan_before := await _answered_before(kept, leg, owner)) is not None:
            return plan_before
        raise Unresolved(str(error), status=503, reason="plane-away", retry_after=RETRY_AFTER_SECONDS) from error
    except (ValidationError, ValueError) as error:
        raise Unresolved("The control plane's answer cannot be read.", status=503, reason="plane-fault") from error
    refusal = resolution.refusal
    if kept is not None and refusal.reason == PLANE_FAULT:
        if (plan_before := await _answered_before(kept, leg, owner)) is not None:
            return plan_before
    elif kept is not None and refusal.status == NOT_FOUND:
        await asyncio.to_thread(kept.forget, leg, owner)
    raise _refusal(refusal)


async def _answered_before(kept: KeptAnswers, leg: Mapping[str, Any], owner: str | None) -> CallPlan | None:
    """What is kept, for a call with an id that the control plane has never heard of."""
    plan = await asyncio.to_thread(kept.find, leg, owner, str(uuid.uuid4()))
    if plan is not None:
        log.warning("call planned as the last one to its number: the control plane cannot say", number=leg["number"])
    return plan


def first_assistant(plan: CallPlan) -> Assistant:
    """Who speaks first. :raises InvalidAssistant: when that one cannot"""
    return member_assistant(plan.members[0])


def _told(info: LegInfo) -> str:
    return json.dumps({name: value for name, value in asdict(info).items() if name != "authorization"})


def _expected(challenge: pb.Challenge) -> Expected:
    secrets = {"MD5": challenge.md5, "SHA-256": challenge.sha256}
    return Expected(challenge.realm, challenge.username, secrets)


def _refusal(refusal: pb.Refusal) -> CallRefused:
    return Unresolved(
        refusal.detail or "Nobody answers this number.",
        status=refusal.status or 404,
        reason=refusal.reason or "no-route",
        retry_after=RETRY_AFTER_SECONDS if refusal.reason == CONCURRENCY_LIMIT else None,
    )
