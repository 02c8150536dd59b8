"""`/assistant`: who answers a call, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from gateway.api.bodies import Body, Id, Name, ServerBody
from gateway.api.context import ApiContext
from gateway.api.references import items, missing, part
from gateway.api.resource import Resource, add_pages, resource_router
from gateway.assistant.reading import read_assistant
from gateway.errors import BadRequest, InvalidAssistant
from gateway.store.entities import Entities, Kind


class ModelBody(Body):
    """Any model: `provider` says which."""

    provider: str | None = None
    model: str | None = None
    messages: list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_ids: list[Id] | None = None


class AssistantBody(Body):
    """All of Vapi's fields; docs/assistants.md tells what each does."""

    name: Name | None = None
    first_message: str | None = None
    model: ModelBody | None = None
    voice: dict[str, Any] | None = None
    transcriber: dict[str, Any] | None = None
    server: ServerBody | None = None
    metadata: dict[str, Any] | None = None


class Assistants(Resource):
    kind = Kind.ASSISTANT
    path = "/assistant"
    noun = "assistant"
    model = AssistantBody

    async def check(
        self, body: dict[str, Any], changed: dict[str, Any], entities: Entities, context: ApiContext
    ) -> list[dict[str, Any]]:
        """It can take a call; its tools are there."""
        del context
        problems, warnings = faults(body)
        if "model" in changed:
            problems += await missing(entities, Kind.TOOL, items(part(body, "model").get("toolIds"), "model.toolIds"))
        if problems:
            raise BadRequest(problems)
        return warnings


def faults(body: Mapping[str, Any], path: str = "") -> tuple[list[str], list[dict[str, Any]]]:
    """Problems of an assistant that is kept, or comes within a squad or a call; and its warnings.

    :param path: of the assistant, with a dot at the end
    """
    try:
        read = read_assistant(body)
    except InvalidAssistant as error:
        return [f"{path}{problem}" for problem in error.problems], []
    return [], [{"path": f"{path}{warning.path}", "message": warning.message} for warning in read.warnings]


def router() -> APIRouter:
    """`/assistant`, and `/v2/assistant` by page."""
    resource = Assistants()
    routes = resource_router(resource)
    add_pages(routes, resource, "/v2/assistant")
    return routes
