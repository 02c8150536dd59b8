"""Resources of Vapi's that this server does not have: their lists are empty, so that clients which walk everything go
on; what would make one is refused in words."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.listing import Listed, Paged
from gateway.errors import BadRequest, NotFound

ARRAYS = {
    "/v2/knowledge-base": "knowledge bases",
    "/knowledge-base": "knowledge bases",
    "/eval/simulation/personality": "simulations",
    "/eval/simulation/scenario": "simulations",
    "/eval/simulation/suite": "simulations",
    "/eval/simulation/run": "simulations",
    "/eval/simulation": "simulations",
    "/template": "templates",
    "/workflow": "workflows",
    "/block": "blocks",
}
PAGES = {
    "/eval/run": "evals",
    "/eval": "evals",
    "/reporting/board": "boards",
    "/reporting/insight": "insights",
    "/observability/scorecard": "scorecards",
    "/traffic-allocations": "traffic allocations",
    "/test-suite": "test suites",
    "/provider/{provider}/{resource_name}": "resources of providers",
}
_VERBS = ["POST", "PATCH", "PUT", "DELETE"]


def router() -> APIRouter:
    """All of them. Asked after every other router."""
    routes = APIRouter(include_in_schema=False)
    _add_concurrency(routes)
    for path in ARRAYS:
        _add_array(routes, path)
    for path in PAGES:
        _add_page(routes, path)
    for path, what in {**ARRAYS, **PAGES}.items():
        _add_refusals(routes, path, what)
    return routes


def _add_concurrency(routes: APIRouter) -> None:
    @routes.get("/eval/simulation/concurrency")
    async def concurrency(caller: PrivateCaller) -> Json:
        never = "1970-01-01T00:00:00.000Z"
        counts = dict.fromkeys(("concurrencyLimit", "activeSimulations", "availableToStart"), 0)
        return Json(
            {"orgId": caller.organisation_id, **counts, "createdAt": never, "updatedAt": never, "isDefault": True}
        )


def _add_array(routes: APIRouter, path: str) -> None:
    @routes.get(path)
    async def nothing(_: PrivateCaller, query: Listed) -> Json:
        del query
        return Json([])


def _add_page(routes: APIRouter, path: str) -> None:
    @routes.get(path)
    async def no_page(_: PrivateCaller, page: Paged) -> Json:
        return Json(page.shown([], 0))


def _add_refusals(routes: APIRouter, path: str, what: str) -> None:
    @routes.get(path + "/{rest:path}")
    async def missing(rest: str, _: PrivateCaller) -> Any:
        raise NotFound(f"There is no {rest[:80]!r}: this server has no {what}.")

    @routes.api_route(path, methods=_VERBS)
    @routes.api_route(path + "/{rest:path}", methods=_VERBS)
    async def refuse(_: PrivateCaller) -> Any:
        raise BadRequest(f"This server has no {what}.")
