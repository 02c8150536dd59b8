"""What happened in calls: the lines of their journals, each once, in the order in which they came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.columns import searchable
from gateway.store.tables import call_events

_LOCK = 0x7061726D
"""Names PostgreSQL's advisory lock. Positions become visible in their order, so that a reader who goes on after a
position misses nothing."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One line of a journal. `at_ms` is the call clock, `time_ms` the wall clock since 1970, `data` JSON."""

    call_id: str
    sequence: int
    at_ms: int
    time_ms: int
    kind: str
    data: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its place among all events of the database."""

    position: int
    organisation_id: str
    call_id: str
    sequence: int
    at_ms: int
    time_ms: int
    kind: str
    data: str


_COLUMNS = tuple(
    call_events.c[name]
    for name in ("position", "organisation_id", "call_id", "sequence", "at_ms", "time_ms", "kind", "data")
)


async def append_events(
    session: AsyncSession, organisation_id: str, events: Iterable[NewEvent]
) -> Sequence[StoredEvent]:
    """Keep those that are not known yet by call and sequence; returns these, in their order."""
    rows = [
        {
            "organisation_id": organisation_id,
            "call_id": event.call_id,
            "sequence": event.sequence,
            "at_ms": event.at_ms,
            "time_ms": event.time_ms,
            "kind": event.kind,
            "data": event.data,
        }
        for event in events
    ]
    if not rows:
        return []
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    insert = postgresql.insert if on_postgresql else sqlite.insert
    statement = insert(call_events).on_conflict_do_nothing().returning(*_COLUMNS)
    new = [_read(row) for row in await session.execute(statement, rows)]
    return sorted(new, key=lambda event: event.position)


async def events_after(
    session: AsyncSession, organisation_id: str, position: int, *, limit: int = 500
) -> Sequence[StoredEvent]:
    """Of all calls of an organisation, from the next position on."""
    wanted = select(*_COLUMNS).where(
        call_events.c.organisation_id == organisation_id, call_events.c.position > position
    )
    return await _listed(session, wanted.order_by(call_events.c.position).limit(limit))


async def events_of(session: AsyncSession, organisation_id: str, call_id: str) -> Sequence[StoredEvent]:
    """All of one call, in its order."""
    wanted = select(*_COLUMNS).where(
        call_events.c.organisation_id == organisation_id, call_events.c.call_id == (searchable(call_id) or "")
    )
    return await _listed(session, wanted.order_by(call_events.c.sequence))


async def last_event(session: AsyncSession, organisation_id: str, call_id: str) -> StoredEvent | None:
    """The one of a call with the highest sequence."""
    own = (call_events.c.organisation_id == organisation_id) & (call_events.c.call_id == call_id)
    wanted = select(*_COLUMNS).where(own).order_by(call_events.c.sequence.desc()).limit(1)
    row = (await session.execute(wanted)).first()
    return _read(row) if row else None


async def delete_events(session: AsyncSession, organisation_id: str, call_id: str) -> None:
    """All of one call."""
    own = (call_events.c.organisation_id == organisation_id) & (call_events.c.call_id == call_id)
    await session.execute(delete(call_events).where(own))


async def last_position(session: AsyncSession) -> int:
    """Of the newest event, 0 when there is none."""
    return (await session.execute(select(func.max(call_events.c.position)))).scalar() or 0


async def _listed(session: AsyncSession, statement: Select[Any]) -> Sequence[StoredEvent]:
    return [_read(row) for row in await session.execute(statement)]


def _read(row: Sequence[Any]) -> StoredEvent:
    return StoredEvent(*row)
