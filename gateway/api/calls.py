"""`/call`: calls are started, listed, renamed, ended and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.api.answers import Json
from gateway.api.artifacts import remove_files, with_fresh_urls
from gateway.api.authentication import AnyCaller, PrivateCaller
from gateway.api.bodies import Body, CustomerBody, Id, Name, SchedulePlanBody, number_problem
from gateway.api.context import ApiContext, context_of
from gateway.api.documentation import body_of, entity_of, page_of
from gateway.api.json_body import json_object
from gateway.api.listing import Listed, Page, Paged
from gateway.api.references import items
from gateway.api.sentences import problems_of
from gateway.campaigns.bodies import RetryBody
from gateway.errors import BadRequest
from gateway.messages.deletion import announce_deletion
from gateway.store.calls import CallRow, Calls
from gateway.store.events import delete_events
from gateway.store.keys import KeyHolder
from gateway.store.listing import ListQuery

_KEY_LENGTH = 255
_MOST_DELETED = 1000


class CallBody(Body):
    """A call: who speaks, through which number, to whom."""

    name: Name | None = None
    assistant_id: Id | None = None
    assistant: dict[str, Any] | None = None
    assistant_overrides: dict[str, Any] | None = None
    squad_id: Id | None = None
    squad: dict[str, Any] | None = None
    squad_overrides: dict[str, Any] | None = None
    phone_number_id: Id | None = None
    customer: CustomerBody | None = None
    customers: list[CustomerBody] | None = None
    customer_id: Id | None = None
    schedule_plan: SchedulePlanBody | None = None
    transport: dict[str, Any] | None = None
    retry: RetryBody | None = None


class CallChangeBody(Body):
    """What may be changed of a call."""

    name: Name | None = None


class CallDeletionBody(Body):
    """Further calls to delete."""

    ids: list[Id] | None = Field(default=None, max_length=_MOST_DELETED)


IdempotencyKey = Annotated[
    str | None,
    Header(max_length=_KEY_LENGTH, description="The same key with the same body starts no second call."),
]

AssistantFilter = Annotated[str | None, Query(alias="assistantId")]
NumberFilter = Annotated[str | None, Query(alias="phoneNumberId")]


def router() -> APIRouter:
    """`/call`, `/call/phone`, `/call/web`, and `/v2/call` by page."""
    routes = APIRouter(tags=["call"])
    _add_creation(routes)
    _add_lists(routes)
    _add_one(routes)
    return routes


def _add_creation(routes: APIRouter) -> None:
    extra: dict[str, Any] = {"openapi_extra": body_of(CallBody), "responses": {201: entity_of(CallBody, "call")}}

    @routes.post("/call", status_code=201, summary="Start calls", **extra)
    async def create(request: Request, caller: PrivateCaller, idempotency_key: IdempotencyKey = None) -> Json:
        return await _created(request, caller, idempotency_key)

    @routes.post("/call/phone", status_code=201, summary="Start calls, by its older name", **extra)
    async def create_phone(request: Request, caller: PrivateCaller, idempotency_key: IdempotencyKey = None) -> Json:
        return await _created(request, caller, idempotency_key)

    @routes.post("/call/web", status_code=201, summary="Start a call of a browser", **extra)
    async def create_web(request: Request, caller: AnyCaller, idempotency_key: IdempotencyKey = None) -> Json:
        return await _created(request, caller, idempotency_key, web=True)


def _of_a_page(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a web page may say of its call, whose key everybody can read. An assistant of its own, or overrides, could
    send the organisation's keys anywhere.

    :raises BadRequest: it names none that is kept
    """
    if "assistant" in body or "squad" in body:
        raise BadRequest(["assistantId or squadId must name a kept one: a public key takes no other"])
    kept = {name: body[name] for name in ("assistantId", "squadId", "customer", "name") if name in body}
    for name in ("assistantOverrides", "squadOverrides"):
        if variables := (body.get(name) or {}).get("variableValues"):
            kept[name] = {"variableValues": variables}
    if isinstance(kept.get("customer"), Mapping):
        kept["customer"] = {part: value for part, value in kept["customer"].items() if "Overrides" not in part}
    return kept


async def _created(request: Request, caller: KeyHolder, key: str | None, *, web: bool = False) -> Json:
    given = await json_object(request)
    body = {name: value for name, value in given.items() if value is not None}
    if problems := _problems(body):
        raise BadRequest(problems)
    if caller.scope == "public":
        body = _of_a_page(body)
    # The call goes on being started when the client does not wait for the answer.
    starting = asyncio.ensure_future(context_of(request).plane.create_calls(caller, body, key, web=web))
    return Json(await asyncio.shield(starting), status_code=201)


def _problems(body: Mapping[str, Any]) -> list[str]:
    problems = problems_of(CallBody, body)
    if problems:
        return problems
    customers = [("customer", body["customer"])] if body.get("customer") else items(body.get("customers"), "customers")
    for path, customer in customers:
        number = customer.get("number")
        fault = number and number_problem(number, e164=customer.get("numberE164CheckEnabled") is not False)
        problems += [f"{path}.number {fault}"] if fault else []
    return problems


def _add_lists(routes: APIRouter) -> None:
    @routes.get("/call", summary="List calls", responses={200: entity_of(CallBody, "call", many=True)})
    async def find_all(
        request: Request,
        query: Listed,
        caller: PrivateCaller,
        id: str | None = None,  # noqa: A002
        assistant_id: AssistantFilter = None,
        phone_number_id: NumberFilter = None,
    ) -> Json:
        context = context_of(request)
        wanted = _filtered(query, id, assistant_id, phone_number_id)
        async with context.database.reading() as session:
            found = await Calls(session, caller.organisation_id).list(wanted)
        return Json([_shown(row, context) for row in found])

    @routes.get("/v2/call", summary="List calls, by page", responses={200: page_of(CallBody, "call")})
    async def find_page(
        request: Request,
        page: Paged,
        caller: PrivateCaller,
        id: str | None = None,  # noqa: A002
        assistant_id: AssistantFilter = None,
        phone_number_id: NumberFilter = None,
    ) -> Json:
        context = context_of(request)
        wanted = Page(_filtered(page.query, id, assistant_id, phone_number_id), page.number)
        async with context.database.reading() as session:
            found, total = await Calls(session, caller.organisation_id).page(wanted.query, wanted.number)
        return Json(wanted.shown([_shown(row, context) for row in found], total))


def _filtered(query: ListQuery, id_: str | None, assistant_id: str | None, number_id: str | None) -> ListQuery:
    where = {"assistant_id": assistant_id, "phone_number_id": number_id}
    return replace(query, ids=[id_] if id_ else None, where=where)


def _add_one(routes: APIRouter) -> None:
    answer: dict[int | str, dict[str, Any]] = {200: entity_of(CallBody, "call")}

    @routes.get("/call/{id}", summary="Get call", responses=answer)
    async def get(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        async with context.database.reading() as session:
            return Json(_shown(await Calls(session, caller.organisation_id).get(id), context))

    @routes.patch("/call/{id}", summary="Rename call", responses=answer, openapi_extra=body_of(CallChangeBody))
    async def update(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        changes = await json_object(request)
        problems = [f"property {name[:80]} should not exist" for name in changes if name != "name"]
        if problems := problems + problems_of(CallChangeBody, changes):
            raise BadRequest(problems)
        async with context.database.transaction() as session:
            return Json(_shown(await Calls(session, caller.organisation_id).update(id, changes), context))

    @routes.delete("/call/{id}", summary="Delete calls", responses=answer, openapi_extra=body_of(CallDeletionBody))
    async def delete(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        body = await json_object(request)
        if problems := problems_of(CallDeletionBody, body):
            raise BadRequest(problems)
        context = context_of(request)
        deleted = [await _deleted(one, caller, context) for one in dict.fromkeys([id, *(body.get("ids") or [])])]
        return Json(_shown(deleted[0], context))


async def _deleted(id_: str, caller: KeyHolder, context: ApiContext) -> CallRow:
    """A call that goes on is ended, and keeps its record; one that has ended is deleted with all it left behind."""
    async with context.database.reading() as session:
        row = await Calls(session, caller.organisation_id).get(id_)
    if row.status != "ended":
        await context.plane.end_call(row.id)
        async with context.database.reading() as session:
            return await Calls(session, caller.organisation_id).get(id_)
    async with context.database.transaction() as session:
        await announce_deletion(session, context.messages.origins, row)
        row = await _delete_rows(session, row)
    context.messages.intake.forget(row.id)
    context.messages.sender.wake()
    await asyncio.to_thread(remove_files, context.settings.data_dir, row.id)
    return row


async def _delete_rows(session: AsyncSession, row: CallRow) -> CallRow:
    await delete_events(session, row.organisation_id, row.id)
    return await Calls(session, row.organisation_id).delete(row.id)


def _shown(row: CallRow, context: ApiContext) -> dict[str, Any]:
    return with_fresh_urls(row.shown(), context.signer)
