"""`GET /events`: all that happens in an organisation's calls, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from gateway.api.authentication import PrivateCaller
from gateway.api.context import context_of
from gateway.messages.feed import Feed, Place, Wanted
from gateway.store.events import last_position

HEARTBEAT_SECONDS = 15
LONGEST_SECONDS = 3600.0
"""Then the client connects again, with a key that is still valid."""
SEND_SECONDS = 30.0
"""A reader that takes nothing for so long is gone."""

CallFilter = Annotated[str, Query(alias="callId", description="Only messages of this call.")]
TypeFilter = Annotated[list[str] | None, Query(alias="type", description="Only messages of these types.")]
LastId = Annotated[str | None, Header(alias="Last-Event-ID", description="Go on behind this message.")]
LastIdInQuery = Annotated[str | None, Query(alias="lastEventId", description="The same, where headers cannot be set.")]


def router() -> APIRouter:
    """`/events`."""
    routes = APIRouter(tags=["events"])

    @routes.get("/events", summary="Follow calls", responses={200: {"content": {"text/event-stream": {}}}})
    async def follow(
        request: Request,
        caller: PrivateCaller,
        call_id: CallFilter = "",
        types: TypeFilter = None,
        last_id: LastId = None,
        last_id_in_query: LastIdInQuery = None,
    ) -> EventSourceResponse:
        context = context_of(request)
        begin = last_id or last_id_in_query
        async with context.database.reading() as session:
            after = Place.read(begin) if begin else Place(await last_position(session), 1 << 30)
        wanted = Wanted(call_id, [one for names in types or () for one in names.split(",") if one])
        stream = _stream(context.messages.feed, caller.organisation_id, after, wanted)
        return EventSourceResponse(stream, ping=HEARTBEAT_SECONDS, send_timeout=SEND_SECONDS)

    return routes


async def _stream(feed: Feed, organisation_id: str, after: Place, wanted: Wanted) -> AsyncIterator[ServerSentEvent]:
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            async for message in feed.follow(organisation_id, after, wanted):
                yield ServerSentEvent(message.body, id=str(message.place))
    except TimeoutError:
        return
