"""What operators ask of the api process, without a key: /healthz (alive), /readyz (the database answers), /metrics."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gateway.api.answers import Json
from gateway.api.context import context_of

READY_SECONDS = 2.0


def router() -> APIRouter:
    """The three of them."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/healthz", summary="Whether the process is alive")
    async def healthz() -> Json:
        return Json({"status": "alive"})

    @routes.get("/readyz", summary="Whether the database answers, and how many could dial")
    async def readyz(request: Request) -> Json:
        context = context_of(request)
        try:
            async with asyncio.timeout(READY_SECONDS), context.database.reading() as session:
                await session.execute(text("SELECT 1"))
        except (TimeoutError, OSError, SQLAlchemyError) as error:
            reason = f"the database does not answer: {type(error).__name__}"
            return Json({"status": "unready", "reason": reason}, status_code=503)
        return Json({"status": "ready", "gatewayAttached": context.plane.attached})

    @routes.get("/metrics", summary="Metrics for Prometheus")
    async def metrics() -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return routes
