"""`/campaign` and `/v2/campaign`: many customers are called by one assistant."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.context import context_of
from gateway.api.documentation import body_of, entity_of, page_of
from gateway.api.json_body import json_object
from gateway.api.listing import Paged
from gateway.campaigns.bodies import CampaignBody, CampaignChangeBody
from gateway.campaigns.checking import check_change, check_new
from gateway.campaigns.kept_campaigns import (
    campaign_counted,
    campaign_shown,
    contact_shown,
    end_campaign,
    keep_campaign,
)
from gateway.store import contacts as store
from gateway.store.contacts import Progress
from gateway.store.entities import Entities, Kind

Body = dict[str, Any]
_OURS = ("id", "orgId", "createdAt", "updatedAt", "status", "endedReason")


def router() -> APIRouter:
    """Both paths mean the same."""
    routes = APIRouter(tags=["campaign"])
    for path in ("/campaign", "/v2/campaign"):
        _add_creation(routes, path)
        _add_list(routes, path)
        _add_one(routes, path)
    _add_contacts(routes)
    return routes


def _add_creation(routes: APIRouter, path: str) -> None:
    answer: dict[int | str, Body] = {201: entity_of(CampaignBody, "campaign")}

    @routes.post(path, status_code=201, summary="Start campaign", openapi_extra=body_of(CampaignBody), responses=answer)
    async def create(request: Request, caller: PrivateCaller) -> Json:
        given = {name: value for name, value in (await json_object(request)).items() if value is not None}
        body = {name: value for name, value in given.items() if name not in _OURS}
        async with context_of(request).database.transaction() as session:
            entities = Entities(session, caller.organisation_id)
            warnings = await check_new(entities, body)
            entity = await keep_campaign(session, caller.organisation_id, body)
            shown = await campaign_shown(session, entity)
        return Json({**shown, "warnings": warnings} if warnings else shown, status_code=201)


def _add_list(routes: APIRouter, path: str) -> None:
    @routes.get(path, summary="List campaigns, by page", responses={200: page_of(CampaignBody, "campaign")})
    async def find_page(
        request: Request,
        page: Paged,
        caller: PrivateCaller,
        id: str | None = None,  # noqa: A002
        status: Annotated[str | None, Query(description="scheduled, in-progress or ended.")] = None,
    ) -> Json:
        wanted = page.where(status=status).ids([id] if id else None)
        async with context_of(request).database.reading() as session:
            entities = Entities(session, caller.organisation_id)
            found, total = await entities.page(Kind.CAMPAIGN, wanted.query, page.number)
            progress = await store.progress_of(session, [one.id for one in found])
        shown = [campaign_counted(one, progress.get(one.id, Progress()), {}) for one in found]
        return Json(wanted.shown(shown, total))


def _add_one(routes: APIRouter, path: str) -> None:
    answer: dict[int | str, Body] = {200: entity_of(CampaignBody, "campaign")}

    @routes.get(f"{path}/{{id}}", summary="Get campaign", responses=answer)
    async def get(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        async with context_of(request).database.reading() as session:
            return Json(
                await campaign_shown(session, await Entities(session, caller.organisation_id).get(Kind.CAMPAIGN, id))
            )

    @routes.patch(
        f"{path}/{{id}}", summary="Change or end campaign", openapi_extra=body_of(CampaignChangeBody), responses=answer
    )
    async def update(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        changes = await json_object(request)
        async with context_of(request).database.transaction() as session:
            entities = Entities(session, caller.organisation_id)
            await check_change(entities, (await entities.get(Kind.CAMPAIGN, id)).body, changes)
            ends = changes.pop("status", None) is not None
            entity = await entities.update(Kind.CAMPAIGN, id, changes)
            if ends:
                entity = await end_campaign(session, entity)
            return Json(await campaign_shown(session, entity))

    @routes.delete(f"{path}/{{id}}", summary="Delete campaign", responses=answer)
    async def delete(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        async with context_of(request).database.transaction() as session:
            entities = Entities(session, caller.organisation_id)
            entity = await entities.get(Kind.CAMPAIGN, id)
            shown = await campaign_shown(session, entity)
            await store.delete_contacts(session, entity.id)
            await entities.delete(Kind.CAMPAIGN, id)
        return Json(shown)


def _add_contacts(routes: APIRouter) -> None:
    @routes.get("/v2/campaign/{id}/contacts", summary="List the customers of a campaign, by page")
    async def contacts(
        request: Request,
        id: str,  # noqa: A002
        caller: PrivateCaller,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
        sort_order: Annotated[Literal["ASC", "DESC"], Query(alias="sortOrder")] = "ASC",
    ) -> Json:
        del sort_order  # the order is that in which they are called
        async with context_of(request).database.reading() as session:
            campaign = await Entities(session, caller.organisation_id).get(Kind.CAMPAIGN, id)
            progress = (await store.progress_of(session, [campaign.id])).get(campaign.id, Progress())
            found = await store.list_contacts(session, campaign.id, limit=limit, offset=(page - 1) * limit)
        total = progress.scheduled + progress.queued + progress.in_progress + progress.ended
        pages = -(-total // limit)
        counts = {"itemsPerPage": limit, "totalItems": total, "currentPage": page, "totalPages": pages}
        metadata = {**counts, "hasNextPage": page < pages, "sortOrder": "ASC"}
        return Json({"results": [contact_shown(one) for one in found], "metadata": metadata})
