"""A resource that is made, listed, read, changed and deleted: one of the kinds of `Entities`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.context import ApiContext, context_of
from gateway.api.documentation import body_of, entity_of, page_of
from gateway.api.json_body import json_object
from gateway.api.listing import Listed, Paged
from gateway.api.sentences import problems_of
from gateway.errors import BadRequest
from gateway.store.entities import Entities, Entity, Kind
from gateway.store.keys import KeyHolder

Body = dict[str, Any]
_OURS = ("id", "orgId", "createdAt", "updatedAt", "warnings")
"""Given by us; clients send them back with what they change."""


class Resource:
    """Its kind, its path, and what is checked before it is kept.

    The whole body is checked, after a change too: fields that `model` knows by type and range, and `check` for the
    rest. Fields that nobody knows are kept as they are.
    """

    kind: Kind
    path: str
    """Without a slash at the end."""
    noun: str
    model: type[BaseModel]

    async def check(self, body: Body, changed: Body, entities: Entities, context: ApiContext) -> list[Body]:
        """What is wrong beyond types and ranges.

        :param changed: the fields that the request sets; what they name must be there, while what others name may have
            been deleted since
        :returns: warnings, each with `path` and `message`, about what is kept but has no effect
        :raises BadRequest: with a sentence for each problem
        """
        del body, changed, entities, context
        return []

    def committed(self, context: ApiContext) -> None:
        """Something of this kind was made, changed or deleted for good."""
        del context

    def kept(self, body: Body, context: ApiContext) -> Body:
        """What is written to the database."""
        del context
        return body

    def shown(self, entity: Entity, context: ApiContext) -> Body:
        """What a client sees."""
        del context
        return entity.shown()

    async def create(self, session: AsyncSession, caller: KeyHolder, body: Body, context: ApiContext) -> Body:
        """Check and keep something new; returns what the client sees."""
        entities = Entities(session, caller.organisation_id)
        given = self.given(body)
        warnings = await self._checked(given, given, entities, context)
        entity = await entities.create(self.kind, self.kept(given, context))
        return _with_warnings(self.shown(entity, context), warnings)

    async def update(
        self,
        session: AsyncSession,
        caller: KeyHolder,
        id: str,  # noqa: A002
        changes: Body,
        context: ApiContext,
    ) -> Body:
        """Merge, check and keep; a field that is null goes away."""
        entities = Entities(session, caller.organisation_id)
        stored = await entities.get(self.kind, id)
        opened = self.opened(stored, context)
        given = self.merged(opened, stored.body, self.given(changes))
        warnings = await self._checked({**opened, **given}, given, entities, context)
        entity = await entities.update(self.kind, id, self.kept(given, context))
        return _with_warnings(self.shown(entity, context), warnings)

    def given(self, body: Body) -> Body:
        """The fields of a body that are the caller's to say."""
        return {name: value for name, value in body.items() if name not in _OURS}

    def opened(self, stored: Entity, context: ApiContext) -> Body:
        """What is kept, as the caller sent it."""
        del context
        return stored.body

    def merged(self, stored: Body, sealed: Mapping[str, Any], changes: Body) -> Body:
        """The changes, completed by what stays inside of a field that is replaced.

        :param stored: as the caller sent it
        :param sealed: as it is kept
        """
        del stored, sealed
        return changes

    def model_of(self, body: Body) -> type[BaseModel]:
        """The fields that this body may have; `model`, where it is one for all.

        :raises BadRequest: the body does not say what it is
        """
        del body
        return self.model

    async def _checked(
        self, body: Mapping[str, Any], changed: Body, entities: Entities, context: ApiContext
    ) -> list[Body]:
        whole = {name: value for name, value in body.items() if value is not None}
        if problems := problems_of(self.model_of(whole), whole):
            raise BadRequest(problems)
        return await self.check(whole, changed, entities, context)


def _with_warnings(shown: Body, warnings: list[Body]) -> Body:
    return {**shown, "warnings": warnings} if warnings else shown


def resource_router(resource: Resource, *, listed: bool = True) -> APIRouter:
    """The five operations.

    :param listed: whether `GET path` is a plain array; else the resource has a list of its own
    """
    router = APIRouter(tags=[resource.noun])
    path, noun = resource.path, resource.noun
    answer: dict[int | str, dict[str, Any]] = {200: entity_of(resource.model, noun)}

    @router.post(
        path,
        status_code=201,
        summary=f"Create {noun}",
        openapi_extra=body_of(resource.model),
        responses={201: entity_of(resource.model, noun)},
    )
    async def create(request: Request, caller: PrivateCaller) -> Json:
        context = context_of(request)
        body = await json_object(request)
        async with context.database.transaction() as session:
            created = await resource.create(session, caller, body, context)
        resource.committed(context)
        return Json(created, status_code=201)

    if listed:
        add_list(router, resource)

    @router.get(f"{path}/{{id}}", summary=f"Get {noun}", responses=answer)
    async def get(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        async with context.database.reading() as session:
            entity = await Entities(session, caller.organisation_id).get(resource.kind, id)
        return Json(resource.shown(entity, context))

    @router.patch(f"{path}/{{id}}", summary=f"Change {noun}", openapi_extra=body_of(resource.model), responses=answer)
    async def update(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        changes = await json_object(request)
        async with context.database.transaction() as session:
            updated = await resource.update(session, caller, id, changes, context)
        resource.committed(context)
        return Json(updated)

    @router.delete(f"{path}/{{id}}", summary=f"Delete {noun}", responses=answer)
    async def delete(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        async with context.database.transaction() as session:
            entity = await Entities(session, caller.organisation_id).delete(resource.kind, id)
        resource.committed(context)
        return Json(resource.shown(entity, context))

    return router


def add_list(router: APIRouter, resource: Resource) -> None:
    """`GET path` as a plain array."""

    @router.get(
        resource.path,
        summary=f"List {resource.noun}",
        responses={200: entity_of(resource.model, resource.noun, many=True)},
    )
    async def find_all(request: Request, query: Listed, caller: PrivateCaller) -> Json:
        context = context_of(request)
        async with context.database.reading() as session:
            found = await Entities(session, caller.organisation_id).list(resource.kind, query)
        return Json([resource.shown(entity, context) for entity in found])


def add_pages(router: APIRouter, resource: Resource, path: str) -> None:
    """`GET path` as a page, with `search`, `id` and `name`."""

    @router.get(path, summary=f"List {resource.noun}, by page", responses={200: page_of(resource.model, resource.noun)})
    async def find_page(
        request: Request,
        page: Paged,
        caller: PrivateCaller,
        search: str | None = None,
        id: str | None = None,  # noqa: A002
        name: str | None = None,
    ) -> Json:
        context = context_of(request)
        wanted = page.where(name=name).ids([id] if id else None).search(search)
        async with context.database.reading() as session:
            found, total = await Entities(session, caller.organisation_id).page(
                resource.kind, wanted.query, page.number
            )
        return Json(wanted.shown([resource.shown(entity, context) for entity in found], total))
