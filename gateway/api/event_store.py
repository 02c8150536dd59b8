"""What the control plane does with what gateways say, as long as it plans no calls: it keeps the events of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import Unavailable
from gateway.plane.v1 import plane_pb2 as pb
from gateway.store.database import Database
from gateway.store.events import NewEvent, append_events
from gateway.store.keys import KeyHolder, authenticate
from gateway.store.organisations import default_organisation


class EventStore:
    """Implements `gateway.plane.server.Answering` and `gateway.api.context.Plane`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def attached(self) -> bool:
        """No gateway can be told to dial."""
        return False

    async def append(self, events: Sequence[pb.CallEvent]) -> None:
        """Commit events."""
        new = [NewEvent(one.call_id, one.sequence, one.at_ms, one.time_ms, one.kind, one.json) for one in events]
        async with self._database.transaction() as session:
            organisation = await default_organisation(session)
            await append_events(session, organisation.id, new)

    async def resolve(self, question: pb.Resolve) -> pb.Resolution:
        """Nobody answers."""
        del question
        refusal = pb.Refusal(status=404, reason="no-route", detail="No route and no phone number takes this call.")
        return pb.Resolution(refusal=refusal)

    async def authorize(self, question: pb.Authorize) -> bool:
        """Whether a key is one of this organisation."""
        async with self._database.reading() as session:
            holder = await authenticate(session, question.key)
        return holder is not None and holder.organisation_id == question.organisation

    async def create_calls(
        self, holder: KeyHolder, body: Mapping[str, Any], idempotency_key: str | None, *, web: bool = False
    ) -> dict[str, Any]:
        """:raises Unavailable: always"""
        del holder, body, idempotency_key, web
        raise Unavailable("Calls cannot be started by REST yet; `parley dial` starts one.")

    async def end_call(self, call_id: str) -> None:
        """Nothing that was started here is live."""
        del call_id
