"""Organisations: to one of them belongs everything that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import Conflict, NotFound
from gateway.store.clock import clock
from gateway.store.columns import searchable
from gateway.store.tables import organisations

DEFAULT_NAME = "default"


@dataclass(frozen=True, slots=True)
class Organisation:
    """`body` holds its settings, as Vapi's Org has them."""

    id: str
    name: str
    is_default: bool
    created_at: datetime
    body: Mapping[str, Any]


_COLUMNS = tuple(organisations.c[name] for name in ("id", "name", "is_default", "created_at", "body"))


async def create_organisation(session: AsyncSession, name: str, body: Mapping[str, Any] | None = None) -> Organisation:
    """:raises Conflict: the name is taken"""
    return await _insert(session, name, is_default=False, body=body or {})


async def default_organisation(session: AsyncSession) -> Organisation:
    """The one of calls and assistants that name none; made when it is first asked for, in a transaction."""
    row = (await session.execute(select(*_COLUMNS).where(organisations.c.is_default))).first()
    return _read(row) if row else await _insert(session, DEFAULT_NAME, is_default=True, body={})


async def organisation(session: AsyncSession, name_or_id: str) -> Organisation:
    """:raises NotFound: there is none of this name or id"""
    wanted = searchable(name_or_id) or ""
    named = (organisations.c.id == wanted) | (organisations.c.name == wanted)
    row = (await session.execute(select(*_COLUMNS).where(named))).first()
    if row is None:
        raise NotFound(f"There is no organisation {name_or_id!r}: `parley organisation list` shows those there are.")
    return _read(row)


async def list_organisations(session: AsyncSession) -> Sequence[Organisation]:
    """All, oldest first."""
    rows = await session.execute(select(*_COLUMNS).order_by(organisations.c.created_at, organisations.c.id))
    return [_read(row) for row in rows]


async def _insert(session: AsyncSession, name: str, *, is_default: bool, body: Mapping[str, Any]) -> Organisation:
    now = clock.now()
    made = Organisation(str(uuid4()), name, is_default, now, body)
    values = {
        "id": made.id,
        "name": name,
        "is_default": is_default,
        "created_at": now,
        "updated_at": now,
        "body": dict(body),
    }
    try:
        await session.execute(insert(organisations), values)
    except IntegrityError as error:
        raise Conflict(f"There is an organisation {name!r} already.") from error
    return made


def _read(row: Sequence[Any]) -> Organisation:
    return Organisation(*row)
