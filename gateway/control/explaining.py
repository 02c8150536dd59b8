"""Asking the control plane of a gateway what it would do with a call."""

from __future__ import annotations

import json

from gateway.call.gateway import Gateway
from gateway.control.messages import RouteAnswer, RouteQuestion
from gateway.errors import PlaneAway
from gateway.plane.v1 import plane_pb2 as pb


async def explained(gateway: Gateway, question: RouteQuestion) -> RouteAnswer:
    """Whose the number is, in words."""
    if gateway.plane is None:
        return RouteAnswer(lines=["no  numbers of the API: api.enabled is false"], answered=False)
    leg = {"called": question.called, "number": question.number, "caller": question.caller, "trunk": question.trunk}
    try:
        owner = gateway.told_trunks.owner(question.trunk) if gateway.told_trunks else None
        answer = await gateway.plane.explain(pb.Explain(leg_json=json.dumps(leg), organisation=owner or ""))
    except PlaneAway as error:
        return RouteAnswer(lines=[f"?   numbers of the API: {error}"], answered=False)
    return RouteAnswer(lines=list(answer.lines), answered=answer.answered)
