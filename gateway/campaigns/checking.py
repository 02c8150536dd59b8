"""What is wrong with a campaign before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.api.bodies import number_problem
from gateway.api.references import items, missing
from gateway.api.sentences import bounded, problems_of
from gateway.campaigns.bodies import MOST_CUSTOMERS, CampaignBody, CampaignChangeBody
from gateway.campaigns.campaign import Rules
from gateway.errors import BadRequest
from gateway.plane.call_request import scheduled_at
from gateway.store.campaigns import ENDED
from gateway.store.clock import clock
from gateway.store.entities import Entities, Kind

Body = Mapping[str, Any]
_WHILE_IT_RUNS = ("name", "status", "maxConcurrency", "pacing", "callingHours", "retry")
"""What may be changed of a campaign that has begun."""
_NO_EFFECT = {
    "server": "This server sends no messages about campaigns; those of their calls go to the assistant's server.",
    "serverMessages": "This server sends no messages about campaigns.",
}


async def check_new(entities: Entities, body: Body) -> list[dict[str, str]]:
    """:returns: warnings about what has no effect
    :raises BadRequest: with a sentence for each problem"""
    _raise(problems_of(CampaignBody, body))
    _raise(_shape_problems(body))
    problems = []
    if (body.get("predialPlan") or {}).get("enabled"):
        problems.append("predialPlan is not offered by this server: leave it out, and check customers beforehand")
    problems += _customer_problems(body)
    problems += await _named_problems(entities, body, body)
    _raise(problems)
    return [{"path": name, "message": text} for name, text in _NO_EFFECT.items() if body.get(name)]


async def check_change(entities: Entities, kept: Body, changes: Body) -> None:
    """:raises BadRequest: with a sentence for each problem"""
    _raise([f"property {name[:80]} should not exist" for name in changes if not _is_changeable(name)])
    _raise(problems_of(CampaignChangeBody, {name: value for name, value in changes.items() if value is not None}))
    if kept["status"] == ENDED and set(changes) - {"name", "status"}:
        raise BadRequest("The campaign has ended: only its name can be changed.")
    if kept["status"] != "scheduled":
        _raise(
            [f"{name} can be changed only before the campaign begins" for name in changes if name not in _WHILE_IT_RUNS]
        )
    merged = {name: value for name, value in {**kept, **changes}.items() if value is not None}
    problems = _plan_problems(merged) if "schedulePlan" in changes else []
    _raise(problems + await _named_problems(entities, merged, changes))


def _is_changeable(name: str) -> bool:
    return name in {field.alias or key for key, field in CampaignChangeBody.model_fields.items()}


def _shape_problems(body: Body) -> list[str]:
    problems = []
    if bool(body.get("customers")) == bool(body.get("dialPlan")):
        problems.append("customers or dialPlan must be set, and not both")
    if body.get("dialPlan") and body.get("phoneNumberId"):
        problems.append("phoneNumberId must not be set beside dialPlan")
    return problems + _plan_problems(body)


def _plan_problems(body: Body) -> list[str]:
    try:
        scheduled_at(body, clock.now())
    except BadRequest as error:
        return list(error.message)
    return []


def _customer_problems(body: Body) -> list[str]:
    found = [(path, one) for path, one in items(body.get("customers"), "customers")]
    for path, entry in items(body.get("dialPlan"), "dialPlan"):
        found += items(entry.get("customers"), f"{path}.customers")
    if len(found) > MOST_CUSTOMERS:
        return [f"a campaign calls {MOST_CUSTOMERS} customers at most"]
    rules = Rules.of(body)
    return [text for path, customer in found for text in _problems_of_one(path, customer, rules)]


def _problems_of_one(path: str, customer: Body, rules: Rules) -> list[str]:
    number, uri = customer.get("number"), customer.get("sipUri")
    if not number and not uri:
        return [f"{path}.number or {path}.sipUri must be set"]
    fault = number and number_problem(number, e164=customer.get("numberE164CheckEnabled") is not False)
    if fault:
        return [f"{path}.number {fault}"]
    if not rules.hours.always and not rules.zones(number or uri):
        return [f"{path} tells no time zone: set callingHours.timeZone for customers whose number does not"]
    return []


async def _named_problems(entities: Entities, body: Body, changed: Body) -> list[str]:
    """Whom it names must be there; one assistant or squad speaks."""
    problems = []
    if body.get("workflowId"):
        problems.append("workflowId: workflows are not offered by this server")
    if bool(body.get("assistantId")) == bool(body.get("squadId")):
        problems.append("assistantId or squadId must be set, and not both")
    numbers = [("phoneNumberId", changed.get("phoneNumberId"))]
    numbers += [
        (f"{path}.phoneNumberId", one["phoneNumberId"]) for path, one in items(changed.get("dialPlan"), "dialPlan")
    ]
    problems += await missing(entities, Kind.ASSISTANT, [("assistantId", changed.get("assistantId"))])
    problems += await missing(entities, Kind.SQUAD, [("squadId", changed.get("squadId"))])
    return problems + await missing(entities, Kind.PHONE_NUMBER, numbers)


def _raise(problems: list[str]) -> None:
    if problems:
        raise BadRequest(bounded(problems))
