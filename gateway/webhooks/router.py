"""`/delivery`: what was sent to users' servers, what could not be, and sending it again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.context import context_of
from gateway.errors import NotFound
from gateway.messages.times import iso
from gateway.store import outbox
from gateway.store.columns import milliseconds
from gateway.store.outbox import Delivery, DeliveryState
from gateway.webhooks.attempt import host_of

StateFilter = Annotated[DeliveryState | None, Query(description="pending, done, or dead: given up.")]
CallFilter = Annotated[str | None, Query(alias="callId")]
Before = Annotated[int | None, Query(ge=1, le=2**62, description="Only older ones than this id.")]
Limit = Annotated[int, Query(ge=1, le=1000)]


def router() -> APIRouter:
    """`/delivery`."""
    routes = APIRouter(tags=["delivery"])

    @routes.get("/delivery", summary="List deliveries of server messages, newest first")
    async def find_all(
        request: Request,
        caller: PrivateCaller,
        state: StateFilter = None,
        call_id: CallFilter = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> Json:
        async with context_of(request).database.reading() as session:
            found = await outbox.list_deliveries(
                session, caller.organisation_id, state=state, call_id=call_id, before=before, limit=limit
            )
        return Json([shown(one) for one in found])

    @routes.get("/delivery/{id}", summary="One delivery, with the body that is sent")
    async def find_one(request: Request, caller: PrivateCaller, id: str) -> Json:  # noqa: A002
        async with context_of(request).database.reading() as session:
            found = await outbox.get_delivery(session, caller.organisation_id, _position(id))
        return Json({**shown(found), "body": found.body})

    @routes.post("/delivery/{id}/replay", status_code=201, summary="Deliver a message once more")
    async def replay(request: Request, caller: PrivateCaller, id: str) -> Json:  # noqa: A002
        context = context_of(request)
        async with context.database.transaction() as session:
            found = await outbox.replay(session, caller.organisation_id, _position(id))
        context.messages.sender.wake()
        return Json(shown(found), status_code=201)

    return routes


def shown(delivery: Delivery) -> dict[str, Any]:
    """As the API shows it: the server without its secrets."""
    times = {"createdAt": delivery.created_at, "finishedAt": delivery.finished_at}
    if delivery.state is DeliveryState.PENDING:
        times["dueAt"] = delivery.due_at
    values = {
        "id": str(delivery.position),
        "orgId": delivery.organisation_id,
        "callId": delivery.call_id,
        "type": delivery.type,
        "state": delivery.state.value,
        "host": host_of(delivery.server),
        "attempts": delivery.attempts,
        "status": delivery.status,
        "error": delivery.error,
        **{name: iso(milliseconds(at)) for name, at in times.items() if at is not None},
    }
    return {name: value for name, value in values.items() if value is not None}


def _position(id_: str) -> int:
    """:raises NotFound: it is no id of a delivery"""
    if not (id_.isascii() and id_.isdigit() and len(id_) < 19):
        raise NotFound(f"There is no delivery {id_!r}.")
    return int(id_)
