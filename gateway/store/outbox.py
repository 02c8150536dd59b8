"""Messages that are to be delivered to users' servers: written with what they tell, sent afterwards.

A *stream* holds the deliveries that must arrive in order, such as those of one call to one server; its name begins with
the server's host and a slash. Only the oldest one of a stream that is pending is ever due.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import NotFound
from gateway.store.clock import clock
from gateway.store.columns import searchable
from gateway.store.tables import deliveries


class DeliveryState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """`server` is Vapi's Server object, `body` the JSON text that is sent. `due_at` is when it is tried next, or until
    when somebody is trying. `status` and `error` are of the last attempt."""

    position: int
    organisation_id: str
    stream: str
    call_id: str | None
    type: str
    server: Mapping[str, Any]
    body: str
    state: DeliveryState
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None
    attempts: int
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to come; see `Delivery`."""

    organisation_id: str
    stream: str
    type: str
    server: Mapping[str, Any]
    body: str
    call_id: str | None = None

    def row(self, now: datetime) -> dict[str, Any]:
        """Due at once."""
        return {
            "organisation_id": self.organisation_id,
            "stream": self.stream,
            "call_id": self.call_id,
            "type": self.type,
            "server": dict(self.server),
            "body": self.body,
            "state": DeliveryState.PENDING.value,
            "created_at": now,
            "due_at": now,
            "attempts": 0,
        }


Lease = Callable[[Mapping[str, Any]], timedelta]
"""For how long a delivery is its claimer's, by its server; an empty one is a usual server."""

_COLUMNS = tuple(deliveries.c[name] for name in Delivery.__slots__)
_PENDING = deliveries.c.state == DeliveryState.PENDING.value


async def add(
    session: AsyncSession,
    organisation_id: str,
    *,
    stream: str,
    type: str,  # noqa: A002
    server: Mapping[str, Any],
    body: str,
    call_id: str | None = None,
) -> int:
    """In the transaction of what it tells; returns its position."""
    values = NewDelivery(organisation_id, stream, type, server, body, call_id).row(clock.now())
    position = (await session.execute(insert(deliveries).returning(deliveries.c.position), values)).scalar_one()
    assert isinstance(position, int)
    return position


async def add_all(session: AsyncSession, new: Sequence[NewDelivery]) -> None:
    """Like `add`."""
    if new:
        now = clock.now()
        await session.execute(insert(deliveries), [one.row(now) for one in new])


async def add_claimed(
    session: AsyncSession, new: Sequence[NewDelivery], *, lease: Lease, held: Collection[str] = ()
) -> Sequence[Delivery]:
    """Add deliveries and claim them at once, in the transaction of what they tell; those of a stream of which something
    earlier is pending are left to `claim`, with no attempt. Returns all of them, in their order.

    :param held: streams of which the caller has claimed all that is pending
    """
    if not new:
        return []
    others = {one.stream for one in new}.difference(held)
    pending = select(deliveries.c.stream).where(_PENDING, deliveries.c.stream.in_(others)).distinct()
    behind = set((await session.execute(pending)).scalars()) if others else set()
    now = clock.now()
    rows = [
        one.row(now) if one.stream in behind else {**one.row(now), "due_at": now + lease(one.server), "attempts": 1}
        for one in new
    ]
    statement = insert(deliveries).returning(*_COLUMNS, sort_by_parameter_order=True)
    return [_read(row) for row in await session.execute(statement, rows)]


async def due(session: AsyncSession, now: datetime, *, limit: int = 100) -> Sequence[Delivery]:
    """What may be tried now, the longest due first."""
    return await _listed(session, _due(now, limit, _COLUMNS))


async def claim(
    session: AsyncSession, now: datetime, *, lease: Lease, limit: int = 100, without: Collection[str] = ()
) -> Sequence[Delivery]:
    """Take what is due: nobody else gets it before its lease is over. Counts as an attempt.

    :param without: hosts, which streams begin with, that have enough to do
    """
    chosen = _due(now, limit, (deliveries.c.position,)).with_for_update(skip_locked=True)
    for host in without:
        chosen = chosen.where(~deliveries.c.stream.startswith(f"{host}/", autoescape=True))
    usual = now + lease({})
    statement = (
        update(deliveries)
        .where(deliveries.c.position.in_(chosen.scalar_subquery()))
        .values(due_at=usual, attempts=deliveries.c.attempts + 1)
        .returning(*_COLUMNS)
    )
    taken = [_read(row) for row in await session.execute(statement)]
    taken = [replace(one, due_at=now + lease(one.server)) for one in taken]
    for due_at in {one.due_at for one in taken} - {usual}:
        own = deliveries.c.position.in_([one.position for one in taken if one.due_at == due_at])
        await session.execute(update(deliveries).where(own).values(due_at=due_at))
    return sorted(taken, key=lambda delivery: delivery.position)


async def release(session: AsyncSession, now: datetime) -> None:
    """At the start of the only process that delivers: what another run had claimed, or waits for its next attempt, is
    due. On PostgreSQL others may be at work, and leases end by themselves."""
    if session.get_bind().dialect.name == "sqlite":
        await session.execute(update(deliveries).where(_PENDING, deliveries.c.due_at > now).values(due_at=now))


async def unclaim(session: AsyncSession, positions: Collection[int], now: datetime) -> None:
    """They were not tried, and are due for whoever claims them."""
    values = {"due_at": now, "attempts": deliveries.c.attempts - 1}
    await session.execute(update(deliveries).where(deliveries.c.position.in_(positions), _PENDING).values(values))


async def backlog(session: AsyncSession) -> tuple[int, datetime | None]:
    """How many are pending, and when the oldest was made."""
    count, oldest = (
        await session.execute(select(func.count(), func.min(deliveries.c.created_at)).where(_PENDING))
    ).one()
    return count, oldest


async def done(session: AsyncSession, *positions: int, status: int | None) -> None:
    """They were delivered."""
    await _finish(session, positions, DeliveryState.DONE, status, None)


async def failed(session: AsyncSession, position: int, *, retry_at: datetime, status: int | None, error: str) -> None:
    """It was not delivered, and is tried again."""
    values = {"due_at": retry_at, "status": status, "error": error}
    await session.execute(update(deliveries).where(deliveries.c.position == position, _PENDING).values(values))


async def dead(session: AsyncSession, position: int, *, status: int | None, error: str) -> None:
    """It is given up; the next one of its stream gets its turn."""
    await _finish(session, (position,), DeliveryState.DEAD, status, error)


async def replay(session: AsyncSession, organisation_id: str, position: int) -> Delivery:
    """Deliver it once more, though it was delivered or given up.

    :raises NotFound: the organisation has no such delivery
    """
    statement = (
        update(deliveries)
        .where(deliveries.c.organisation_id == organisation_id, deliveries.c.position == position)
        .values(state=DeliveryState.PENDING.value, due_at=clock.now(), attempts=0, finished_at=None)
        .returning(*_COLUMNS)
    )
    row = (await session.execute(statement)).first()
    if row is None:
        raise NotFound(f"There is no delivery {position}.")
    return _read(row)


async def get_delivery(session: AsyncSession, organisation_id: str, position: int) -> Delivery:
    """:raises NotFound: the organisation has no such delivery"""
    own = (deliveries.c.organisation_id == organisation_id) & (deliveries.c.position == position)
    found = await _listed(session, select(*_COLUMNS).where(own))
    if not found:
        raise NotFound(f"There is no delivery {position}.")
    return found[0]


async def list_deliveries(
    session: AsyncSession,
    organisation_id: str,
    *,
    state: DeliveryState | None = None,
    call_id: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Sequence[Delivery]:
    """Newest first.

    :param before: only those with a smaller position
    """
    wanted = select(*_COLUMNS).where(deliveries.c.organisation_id == organisation_id)
    if state is not None:
        wanted = wanted.where(deliveries.c.state == state.value)
    if call_id is not None:
        wanted = wanted.where(deliveries.c.call_id == (searchable(call_id) or ""))
    if before is not None:
        wanted = wanted.where(deliveries.c.position < before)
    return await _listed(session, wanted.order_by(deliveries.c.position.desc()).limit(limit))


async def forget(session: AsyncSession, before: datetime) -> None:
    """Delete what was delivered before then. What was given up stays."""
    over = (deliveries.c.state == DeliveryState.DONE.value) & (deliveries.c.finished_at < before)
    await session.execute(delete(deliveries).where(over))


def _due(now: datetime, limit: int, columns: Sequence[Any]) -> Select[Any]:
    earlier = deliveries.alias("earlier")
    blocked = select(earlier.c.position).where(
        earlier.c.stream == deliveries.c.stream,
        earlier.c.state == DeliveryState.PENDING.value,
        earlier.c.position < deliveries.c.position,
    )
    wanted = select(*columns).where(_PENDING, deliveries.c.due_at <= now, ~blocked.exists())
    return wanted.order_by(deliveries.c.due_at, deliveries.c.position).limit(limit)


async def _finish(
    session: AsyncSession, positions: Collection[int], state: DeliveryState, status: int | None, error: str | None
) -> None:
    values = {"state": state.value, "finished_at": clock.now(), "status": status, "error": error}
    await session.execute(update(deliveries).where(deliveries.c.position.in_(positions)).values(values))


async def _listed(session: AsyncSession, statement: Select[Any]) -> Sequence[Delivery]:
    return [_read(row) for row in await session.execute(statement)]


def _read(row: Sequence[Any]) -> Delivery:
    values = dict(zip(Delivery.__slots__, row, strict=True))
    return Delivery(**{**values, "state": DeliveryState(values["state"])})
