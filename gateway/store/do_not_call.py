"""Whom an organisation does not call. Numbers are kept in one writing: `gateway.campaigns.numbers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.clock import clock
from gateway.store.tables import do_not_call

_AT_ONCE = 500
"""Rows of one statement: databases bound its parameters."""


@dataclass(frozen=True, slots=True)
class Listed:
    """`reason` is what somebody wrote."""

    number: str
    reason: str | None
    created_at: datetime


_COLUMNS = tuple(do_not_call.c[name] for name in Listed.__slots__)


async def list_numbers(session: AsyncSession, organisation_id: str, numbers: Mapping[str, str | None]) -> int:
    """Add numbers, each with its reason; one that is there stays as it is. Returns how many are new."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    now, new, all_ = clock.now(), 0, list(numbers.items())
    for first in range(0, len(all_), _AT_ONCE):
        rows = [
            {"organisation_id": organisation_id, "number": number, "reason": reason, "created_at": now}
            for number, reason in all_[first : first + _AT_ONCE]
        ]
        added = insert(do_not_call).values(rows).on_conflict_do_nothing().returning(do_not_call.c.number)
        new += len((await session.execute(added)).all())
    return new


async def unlist_number(session: AsyncSession, organisation_id: str, number: str) -> Listed | None:
    """What was there; None when it was not."""
    gone = delete(do_not_call).where(_own(organisation_id), do_not_call.c.number == number).returning(*_COLUMNS)
    row = (await session.execute(gone)).first()
    return Listed(*row) if row else None


async def is_listed(session: AsyncSession, organisation_id: str | None, number: str) -> bool:
    """Whether nobody calls it.

    :param organisation_id: None for the list of any organisation
    """
    wanted = select(do_not_call.c.number).where(do_not_call.c.number == number).limit(1)
    if organisation_id is not None:
        wanted = wanted.where(_own(organisation_id))
    return (await session.execute(wanted)).first() is not None


async def listed_page(
    session: AsyncSession, organisation_id: str, *, limit: int, offset: int = 0, number: str | None = None
) -> tuple[Sequence[Listed], int]:
    """Newest first, and how many there are in all.

    :param number: this one only
    """
    own = [_own(organisation_id)] + ([do_not_call.c.number == number] if number is not None else [])
    total = (await session.execute(select(func.count()).select_from(do_not_call).where(*own))).scalar_one()
    wanted = select(*_COLUMNS).where(*own).order_by(do_not_call.c.created_at.desc(), do_not_call.c.number)
    return [Listed(*row) for row in await session.execute(wanted.limit(limit).offset(offset))], total


def _own(organisation_id: str) -> ColumnElement[bool]:
    return do_not_call.c.organisation_id == organisation_id
