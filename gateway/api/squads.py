"""`/squad`: assistants that hand a call over to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from gateway.api.assistants import faults
from gateway.api.bodies import Body, Id
from gateway.api.context import ApiContext
from gateway.api.references import items, missing
from gateway.api.resource import Resource, add_pages, resource_router
from gateway.errors import BadRequest
from gateway.store.entities import Entities, Kind


class MemberBody(Body):
    """One of the squad."""

    assistant_id: Id | None = None
    assistant: dict[str, Any] | None = None
    assistant_overrides: dict[str, Any] | None = None
    assistant_destinations: list[dict[str, Any]] | None = None


class SquadBody(Body):
    """The first member has the call first."""

    name: str | None = None
    members: list[MemberBody] = Field(min_length=1)
    members_overrides: dict[str, Any] | None = None


class Squads(Resource):
    kind = Kind.SQUAD
    path = "/squad"
    noun = "squad"
    model = SquadBody

    async def check(
        self, body: dict[str, Any], changed: dict[str, Any], entities: Entities, context: ApiContext
    ) -> list[dict[str, Any]]:
        """Members are assistants of this organisation, or whole ones."""
        del context
        if "members" not in changed:
            return []
        return await check_members(body, entities)


async def check_members(squad: Mapping[str, Any], entities: Entities, path: str = "") -> list[dict[str, Any]]:
    """Of a squad that is kept, or comes with a call.

    :param path: of the squad, with a dot at the end
    :returns: warnings
    :raises BadRequest: with every problem
    """
    problems: list[str] = []
    warnings: list[dict[str, Any]] = []
    members = items(squad.get("members"), f"{path}members")
    for where, member in members:
        if not member.get("assistantId") and not member.get("assistant"):
            problems.append(f"{where} must have an assistantId or an assistant")
        if isinstance(member.get("assistant"), dict):
            wrong, told = faults(member["assistant"], f"{where}.assistant.")
            problems += wrong
            warnings += told
    named = [(f"{where}.assistantId", member.get("assistantId")) for where, member in members]
    problems += await missing(entities, Kind.ASSISTANT, named)
    if problems:
        raise BadRequest(problems)
    return warnings


def router() -> APIRouter:
    """`/squad`, and `/v2/squad` by page."""
    resource = Squads()
    routes = resource_router(resource)
    add_pages(routes, resource, "/v2/squad")
    return routes
