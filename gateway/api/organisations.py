"""`/org`, the organisation of a key, and `/token`, its keys."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.bodies import Body, Name, ServerBody
from gateway.api.context import context_of
from gateway.api.documentation import body_of, entity_of
from gateway.api.json_body import json_object
from gateway.api.references import missing, part
from gateway.api.sentences import problems_of
from gateway.errors import BadRequest, NotFound
from gateway.store.columns import written
from gateway.store.entities import Entities, Kind
from gateway.store.keys import ApiKey, Scope, authenticate, create_key, list_keys, revoke
from gateway.store.organisations import organisation, update_organisation

_OURS = ("id", "createdAt", "updatedAt")


class OrganisationBody(Body):
    """`server` gets the messages of calls whose assistant and number have none; `concurrencyLimit` calls are live at
    once at most."""

    name: Name | None = Field(default=None, min_length=1)
    server: ServerBody | None = None
    concurrency_limit: int | None = Field(default=None, ge=1)


class TokenBody(Body):
    """A key. `value` is told once, when it is made."""

    name: Name | None = None
    tag: Literal["private", "public"] | None = None


def router() -> APIRouter:
    """Both of them."""
    routes = APIRouter(tags=["organisation"])
    _add_organisation(routes)
    _add_tokens(routes)
    return routes


def _add_organisation(routes: APIRouter) -> None:
    answer: dict[int | str, dict[str, Any]] = {200: entity_of(OrganisationBody, "organisation")}

    @routes.get("/org", summary="List the organisation of the key")
    async def find_all(request: Request, caller: PrivateCaller) -> Json:
        async with context_of(request).database.reading() as session:
            return Json([(await organisation(session, caller.organisation_id)).shown()])

    @routes.get("/org/{id}", summary="Get organisation", responses=answer)
    async def get(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        _own(id, caller.organisation_id)
        async with context_of(request).database.reading() as session:
            return Json((await organisation(session, caller.organisation_id)).shown())

    @routes.patch("/org/{id}", summary="Change organisation", responses=answer, openapi_extra=body_of(OrganisationBody))
    async def update(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        _own(id, caller.organisation_id)
        changes = {name: value for name, value in (await json_object(request)).items() if name not in _OURS}
        if problems := problems_of(OrganisationBody, changes):
            raise BadRequest(problems)
        async with context_of(request).database.transaction() as session:
            named = [("server.credentialId", part(changes, "server").get("credentialId"))]
            if problems := await missing(Entities(session, caller.organisation_id), Kind.CREDENTIAL, named):
                raise BadRequest(problems)
            return Json((await update_organisation(session, caller.organisation_id, changes)).shown())


def _own(id_: str, organisation_id: str) -> None:
    if id_ != organisation_id:
        raise NotFound(f"There is no organisation {id_!r}.")


def _add_tokens(routes: APIRouter) -> None:
    answer: dict[int | str, dict[str, Any]] = {200: entity_of(TokenBody, "key")}

    @routes.get("/token", summary="List keys", responses={200: entity_of(TokenBody, "key", many=True)})
    async def find_all(request: Request, caller: PrivateCaller) -> Json:
        async with context_of(request).database.reading() as session:
            return Json([_shown(key) for key in await _valid(session, caller.organisation_id)])

    @routes.post("/token", status_code=201, summary="Create key", responses=answer, openapi_extra=body_of(TokenBody))
    async def create(request: Request, caller: PrivateCaller) -> Json:
        body = await json_object(request)
        if problems := problems_of(TokenBody, body):
            raise BadRequest(problems)
        async with context_of(request).database.transaction() as session:
            name = body.get("name") or ""
            scope: Scope = "public" if body.get("tag") == "public" else "private"
            value = await create_key(session, caller.organisation_id, name=name, scope=scope)
            holder = await authenticate(session, value)
            (made,) = [
                key for key in await _valid(session, caller.organisation_id) if holder and key.id == holder.key_id
            ]
        return Json({**_shown(made), "value": value}, status_code=201)

    @routes.delete("/token/{id}", summary="Revoke key", responses=answer)
    async def delete(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        async with context_of(request).database.transaction() as session:
            return Json(_shown(await revoke(session, caller.organisation_id, id)))


async def _valid(session: AsyncSession, organisation_id: str) -> list[ApiKey]:
    return [key for key in await list_keys(session, organisation_id) if key.revoked_at is None]


def _shown(key: ApiKey) -> dict[str, Any]:
    at = written(key.created_at)
    return {
        "id": key.id,
        "orgId": key.organisation_id,
        "tag": key.scope,
        "name": key.name,
        "value": f"{key.prefix}…",
        "createdAt": at,
        "updatedAt": at,
    }
