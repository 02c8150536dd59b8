"""Events of gateways into the store: each in the organisation of its call, all of a batch in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.plane.v1 import plane_pb2 as pb
from gateway.store.calls import find_call
from gateway.store.database import Database
from gateway.store.events import NewEvent, append_events


class Apply(Protocol):
    """What is done with new events, in the transaction that keeps them: `gateway.messages`."""

    async def __call__(self, session: AsyncSession, organisation_id: str, events: Sequence[NewEvent]) -> None:
        """Keep those that are not known yet, with what follows from them."""


class Intake:
    """:param apply: what is done with events in their transaction"""

    def __init__(self, database: Database, apply: Apply) -> None:
        self._database = database
        self._apply = apply
        self._organisations: dict[str, str] = {}
        """Of calls that are live."""

    async def append(self, events: Iterable[NewEvent]) -> None:
        """Commit them; a failure commits none of them."""
        events = list(events)
        async with self._database.transaction() as session:
            groups: dict[str, list[NewEvent]] = {}
            for event in events:
                groups.setdefault(await self._organisation(session, event), []).append(event)
            for organisation, own in groups.items():
                await self._apply(session, organisation, own)
        for event in events:
            if event.kind == "ended":
                self._organisations.pop(event.call_id, None)

    async def _organisation(self, session: AsyncSession, event: NewEvent) -> str:
        known = self._organisations.get(event.call_id)
        if known is None:
            known = await _owner(session, event) or self._database.default_organisation_id
            self._organisations[event.call_id] = known
        return known


async def _owner(session: AsyncSession, event: NewEvent) -> str | None:
    """Of a call that is stored, else what its plan says; None of one that parley.yaml routes."""
    if (row := await find_call(session, event.call_id)) is not None:
        return row.organisation_id
    plan = _object(event.data).get("plan") if event.kind == "call" else None
    return str(plan["organisation"]) if isinstance(plan, Mapping) and plan.get("organisation") else None


async def keep_events(session: AsyncSession, organisation_id: str, events: Sequence[NewEvent]) -> None:
    """Keep those that are not known yet."""
    await append_events(session, organisation_id, events)


def new_event(event: pb.CallEvent) -> NewEvent:
    """As the store keeps it."""
    return NewEvent(event.call_id, event.sequence, event.at_ms, event.time_ms, event.kind, event.json)


def _object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
