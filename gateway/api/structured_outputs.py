"""`/structured-output`: what is read out of a call once it is over."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from gateway.api.bodies import Body, Id, JsonSchema, Name
from gateway.api.context import ApiContext
from gateway.api.references import items, missing
from gateway.api.resource import Resource, add_pages, resource_router
from gateway.errors import BadRequest
from gateway.store.entities import Entities, Kind


class StructuredOutputBody(Body):
    """`schema` is what a model fills in, or `regex` what the transcript is searched for."""

    name: Name
    schema_: JsonSchema = Field(alias="schema")
    type: Literal["ai", "regex"] | None = None
    regex: str | None = Field(default=None, max_length=10_000)
    description: str | None = None
    assistant_ids: list[Id] | None = None
    workflow_ids: list[Id] | None = None
    model: dict[str, Any] | None = None
    conditions: list[dict[str, Any]] | None = None
    compliance_plan: dict[str, Any] | None = None


class StructuredOutputs(Resource):
    kind = Kind.STRUCTURED_OUTPUT
    path = "/structured-output"
    noun = "structured output"
    model = StructuredOutputBody

    async def check(
        self, body: dict[str, Any], changed: dict[str, Any], entities: Entities, context: ApiContext
    ) -> list[dict[str, Any]]:
        """Its assistants are there, and it can be evaluated."""
        del context
        problems = await missing(entities, Kind.ASSISTANT, items(changed.get("assistantIds"), "assistantIds"))
        if body.get("type") == "regex" and not body.get("regex"):
            problems.append("regex is required when type is regex")
        if problems:
            raise BadRequest(problems)
        return []


def router() -> APIRouter:
    """`/structured-output`, whose list is a page."""
    resource = StructuredOutputs()
    routes = resource_router(resource, listed=False)
    add_pages(routes, resource, resource.path)
    return routes
