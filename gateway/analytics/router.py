"""`POST /analytics`."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request

from gateway.analytics.answer import answer
from gateway.analytics.query import AnalyticsBody, AnalyticsResult, contradictions
from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.context import context_of
from gateway.api.documentation import body_of
from gateway.api.json_body import json_object
from gateway.api.sentences import problems_of
from gateway.errors import BadRequest


def router() -> APIRouter:
    """The one operation."""
    routes = APIRouter(tags=["analytics"])

    @routes.post(
        "/analytics",
        summary="Ask about calls",
        openapi_extra=body_of(AnalyticsBody),
        responses={200: {"model": list[AnalyticsResult]}},
    )
    async def query(request: Request, caller: PrivateCaller) -> Json:
        asked, now = await json_object(request), datetime.now(UTC)
        if problems := problems_of(AnalyticsBody, asked):
            raise BadRequest(problems)
        body = AnalyticsBody.model_validate(asked)
        if problems := contradictions(body.queries, now):
            raise BadRequest(problems)
        async with context_of(request).database.reading() as session:
            answers = [
                await answer(session, caller.organisation_id, one, now, path=f"queries.{index}")
                for index, one in enumerate(body.queries)
            ]
        return Json(answers)

    return routes
