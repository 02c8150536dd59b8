"""Organisations: to one of them belongs everything that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import Conflict, NotFound
from gateway.store.clock import clock
from gateway.store.columns import searchable, written
from gateway.store.tables import organisations

DEFAULT_NAME = "default"


@dataclass(frozen=True, slots=True)
class Organisation:
    """`body` holds its settings, as Vapi's Org has them."""

    id: str
    name: str
    is_default: bool
    created_at: datetime
    updated_at: datetime
    body: Mapping[str, Any]

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        times = {"createdAt": written(self.created_at), "updatedAt": written(self.updated_at)}
        return {**self.body, "id": self.id, "name": self.name, **times}


_COLUMNS = tuple(organisations.c[name] for name in ("id", "name", "is_default", "created_at", "updated_at", "body"))


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


async def update_organisation(session: AsyncSession, id_: str, changes: Mapping[str, Any]) -> Organisation:
    """A shallow merge into its name and settings; None takes a setting away.

    :raises NotFound: there is none of this id
    :raises Conflict: the name is taken
    """
    found = await organisation(session, id_)
    body = {name: value for name, value in {**found.body, **changes}.items() if value is not None}
    name = str(body.pop("name", None) or found.name)
    statement = (
        update(organisations)
        .where(organisations.c.id == found.id)
        .values(name=name, body=body, updated_at=clock.now())
        .returning(*_COLUMNS)
    )
    try:
        return _read((await session.execute(statement)).one())
    except IntegrityError as error:
        raise Conflict(f"There is an organisation {name!r} already.") from error


async def _insert(session: AsyncSession, name: str, *, is_default: bool, body: Mapping[str, Any]) -> Organisation:
    now = clock.now()
    made = Organisation(str(uuid4()), name, is_default, now, now, body)
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
