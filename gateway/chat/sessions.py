"""`/session`: a conversation by text that goes on from chat to chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field

from gateway.api.answers import Json
from gateway.api.assistants import faults
from gateway.api.authentication import PrivateCaller
from gateway.api.bodies import Body, Id, Name
from gateway.api.context import ApiContext, context_of
from gateway.api.documentation import body_of, entity_of, page_of
from gateway.api.json_body import json_object
from gateway.api.listing import Paged
from gateway.api.references import missing
from gateway.api.resource import Resource
from gateway.chat.chats import chats_of
from gateway.chat.events import announce
from gateway.chat.messages import read_input
from gateway.errors import BadRequest
from gateway.store.entities import Entities, Entity, Kind
from gateway.store.keys import KeyHolder


class SessionBody(Body):
    """Who answers, and the conversation so far."""

    name: Name | None = None
    status: Literal["active", "completed"] | None = None
    expiration_seconds: float | None = Field(default=None, ge=60, le=2_592_000)
    assistant_id: Id | None = None
    assistant: dict[str, Any] | None = None
    assistant_overrides: dict[str, Any] | None = None
    squad_id: Id | None = None
    squad: dict[str, Any] | None = None
    messages: list[dict[str, Any]] | None = None
    customer: dict[str, Any] | None = None
    phone_number_id: Id | None = None


class Sessions(Resource):
    kind = Kind.SESSION
    path = "/session"
    noun = "session"
    model = SessionBody

    async def check(
        self, body: dict[str, Any], changed: dict[str, Any], entities: Entities, context: ApiContext
    ) -> list[dict[str, Any]]:
        """Who answers is there; messages can be read."""
        del context
        problems = await missing(
            entities, Kind.ASSISTANT, [("assistantId", changed.get("assistantId"))]
        ) + await missing(entities, Kind.SQUAD, [("squadId", changed.get("squadId"))])
        warnings: list[dict[str, Any]] = []
        if isinstance(assistant := changed.get("assistant"), dict):
            wrong, warnings = faults(assistant, "assistant.")
            problems += wrong
        if problems:
            raise BadRequest(problems)
        if changed.get("messages"):
            read_input(body["messages"])
        return warnings


async def _assistant(request: Request, caller: KeyHolder, id_: str) -> Mapping[str, Any]:
    """The JSON of who answers in a session."""
    async with context_of(request).database.reading() as session:
        kept = await _session(session, caller, id_)
    return await chats_of(request).assistant_of(caller.organisation_id, kept.body)


def router() -> APIRouter:
    """`/session`."""
    routes = APIRouter(tags=["session"])
    _add_creation(routes)
    _add_list(routes)
    _add_one(routes)
    return routes


def _add_creation(routes: APIRouter) -> None:
    @routes.post(
        "/session",
        status_code=201,
        summary="Create session",
        openapi_extra=body_of(SessionBody),
        responses={201: entity_of(SessionBody, "session")},
    )
    async def create(request: Request, caller: PrivateCaller) -> Json:
        context, body = context_of(request), await json_object(request)
        assistant = await chats_of(request).assistant_of(caller.organisation_id, body)
        async with context.database.transaction() as session:
            made = await Sessions().create(session, caller, {"status": "active", **body}, context)
            await announce(session, "session.created", await _session(session, caller, made["id"]), assistant)
        return Json(made, status_code=201)


def _add_list(routes: APIRouter) -> None:
    @routes.get("/session", summary="List session, by page", responses={200: page_of(SessionBody, "session")})
    async def find_page(
        request: Request,
        page: Paged,
        caller: PrivateCaller,
        id: str | None = None,  # noqa: A002
        name: str | None = None,
        assistant_id: Annotated[str | None, Query(alias="assistantId")] = None,
        squad_id: Annotated[str | None, Query(alias="squadId")] = None,
        phone_number_id: Annotated[str | None, Query(alias="phoneNumberId")] = None,
        number: str | None = None,
    ) -> Json:
        context = context_of(request)
        wanted = page.where(
            name=name,
            assistant_id=assistant_id,
            squad_id=squad_id,
            phone_number_id=phone_number_id,
            **{"customer.number": number},
        ).ids([id] if id else None)
        async with context.database.reading() as session:
            found, total = await Entities(session, caller.organisation_id).page(Kind.SESSION, wanted.query, page.number)
        return Json(wanted.shown([entity.shown() for entity in found], total))


def _add_one(routes: APIRouter) -> None:
    answer: dict[int | str, dict[str, Any]] = {200: entity_of(SessionBody, "session")}

    @routes.get("/session/{id}", summary="Get session", responses=answer)
    async def get(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        async with context_of(request).database.reading() as session:
            return Json((await _session(session, caller, id)).shown())

    @routes.patch("/session/{id}", summary="Change session", openapi_extra=body_of(SessionBody), responses=answer)
    async def update(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context, changes = context_of(request), await json_object(request)
        assistant = await _assistant(request, caller, id)
        async with context.database.transaction() as session:
            shown = await Sessions().update(session, caller, id, changes, context)
            await announce(session, "session.updated", await _session(session, caller, id), assistant)
        return Json(shown)

    @routes.delete("/session/{id}", summary="Delete session", responses=answer)
    async def delete(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        assistant = await _assistant(request, caller, id)
        async with context.database.transaction() as session:
            entity = await Entities(session, caller.organisation_id).delete(Kind.SESSION, id)
            await announce(session, "session.deleted", entity, assistant)
        return Json(entity.shown())


async def _session(session: Any, caller: KeyHolder, id_: str) -> Entity:
    return await Entities(session, caller.organisation_id).get(Kind.SESSION, id_)
