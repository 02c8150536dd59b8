"""What the callers of the API make and keep: assistants, tools, numbers and so on, each as it was sent."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import Conflict, NotFound
from gateway.store.clock import clock
from gateway.store.columns import searchable, written
from gateway.store.listing import ListQuery, conditions, ordered
from gateway.store.phone_numbers import normal_number, normal_sip_uri, other_writing
from gateway.store.tables import entities


class Kind(StrEnum):
    """Named as in the paths of the API."""

    ASSISTANT = "assistant"
    SQUAD = "squad"
    TOOL = "tool"
    PHONE_NUMBER = "phone-number"
    CREDENTIAL = "credential"
    FILE = "file"
    CHAT = "chat"
    SESSION = "session"
    STRUCTURED_OUTPUT = "structured-output"
    PRICE = "price"
    CAMPAIGN = "campaign"
    CALL_PLAN = "call-plan"
    """Has no path: what is known of a call that goes on, see `gateway.plane.kept_plans`."""


@dataclass(slots=True)
class Entity:
    """`body` is what the caller sent, unknown fields too; without the four fields that we give."""

    id: str
    kind: Kind
    organisation_id: str
    created_at: datetime
    updated_at: datetime
    body: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            **self.body,
            "id": self.id,
            "orgId": self.organisation_id,
            "createdAt": written(self.created_at),
            "updatedAt": written(self.updated_at),
        }


_OURS = ("id", "orgId", "createdAt", "updatedAt")
_SEARCHED = {
    "name": "name",
    "provider": "provider",
    "assistant_id": "assistantId",
    "squad_id": "squadId",
    "session_id": "sessionId",
    "previous_chat_id": "previousChatId",
    "phone_number_id": "phoneNumberId",
}
"""Column → field of the body."""
ENTITY_COLUMNS = tuple(
    entities.c[name] for name in ("id", "kind", "organisation_id", "created_at", "updated_at", "body")
)


class Entities:
    """Of one organisation: no query leaves it."""

    def __init__(self, session: AsyncSession, organisation_id: str) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def create(self, kind: Kind, body: Mapping[str, Any], *, id: str | None = None) -> Entity:  # noqa: A002
        """Keep something new.

        :raises Conflict: a phone number that is taken, or an id
        :raises BadRequest: the body holds what no database keeps
        """
        now = clock.now()
        kept = {name: value for name, value in body.items() if name not in _OURS and value is not None}
        entity = Entity(id or str(uuid4()), kind, self._organisation_id, now, now, kept)
        values = {
            "id": entity.id,
            "kind": kind.value,
            "organisation_id": self._organisation_id,
            "created_at": now,
            "updated_at": now,
            "body": kept,
            **searched_columns(kind, kept),
        }
        await self._write(insert(entities), values, entity)
        return entity

    async def get(self, kind: Kind, id: str) -> Entity:  # noqa: A002
        """:raises NotFound: this organisation has no such thing"""
        found = (await self._session.execute(_one(), self._named(kind, id))).first()
        if found is None:
            raise _missing(kind, id)
        return entity_of(found)

    async def list(self, kind: Kind, query: ListQuery) -> Sequence[Entity]:
        """Newest first, unless the query says otherwise."""
        return await self._slice(kind, query, 0)

    async def page(self, kind: Kind, query: ListQuery, page: int) -> tuple[Sequence[Entity], int]:
        """A page of `query.limit`, the first being 1, and how many there are in all."""
        counted = select(func.count()).select_from(entities).where(*self._within(kind, query))
        total = (await self._session.execute(counted)).scalar_one()
        return await self._slice(kind, query, min((page - 1) * query.limit, total)), total

    async def update(self, kind: Kind, id: str, changes: Mapping[str, Any]) -> Entity:  # noqa: A002
        """A shallow merge: a field is replaced as a whole, None takes it away.

        :raises NotFound: this organisation has no such thing
        :raises Conflict: a phone number that is taken
        :raises BadRequest: the changes hold what no database keeps
        """
        found = (await self._session.execute(_one().with_for_update(), self._named(kind, id))).first()
        if found is None:
            raise _missing(kind, id)
        entity = entity_of(found)
        given = {name: value for name, value in changes.items() if name not in _OURS}
        entity.body = {name: value for name, value in {**entity.body, **given}.items() if value is not None}
        entity.updated_at = clock.now()
        values = {"updated_at": entity.updated_at, "body": entity.body, **searched_columns(kind, entity.body)}
        await self._write(update(entities).where(entities.c.id == bindparam("of_id")), {"of_id": id, **values}, entity)
        return entity

    async def delete(self, kind: Kind, id: str) -> Entity:  # noqa: A002
        """What was there.

        :raises NotFound: this organisation has no such thing
        """
        entity = await self.get(kind, id)
        await self._session.execute(delete(entities).where(entities.c.id == entity.id))
        return entity

    async def _slice(self, kind: Kind, query: ListQuery, offset: int) -> Sequence[Entity]:
        wanted = ordered(select(*ENTITY_COLUMNS).where(*self._within(kind, query)), entities, query)
        rows = await self._session.execute(wanted.limit(query.limit).offset(offset))
        return [entity_of(row) for row in rows]

    def _within(self, kind: Kind, query: ListQuery) -> Sequence[Any]:
        own = [entities.c.organisation_id == self._organisation_id, entities.c.kind == kind.value]
        return [*own, *conditions(entities, query)]

    def _named(self, kind: Kind, id: str) -> dict[str, str]:  # noqa: A002
        name = searchable(id)
        if name is None:
            raise _missing(kind, id)
        return {"of_id": name, "of_kind": kind.value, "of_organisation": self._organisation_id}

    async def _write(self, statement: Any, values: Mapping[str, Any], entity: Entity) -> None:
        if entity.kind is Kind.PHONE_NUMBER and (other := other_writing(str(values["number"] or ""))):
            same = (entities.c.number == other) & (entities.c.organisation_id != self._organisation_id)
            taken = select(entities.c.id).where(same, entities.c.kind == Kind.PHONE_NUMBER.value)
            if (await self._session.execute(taken.limit(1))).first():
                raise Conflict(_taken(entity))
        try:
            await self._session.execute(statement, values)
        except IntegrityError as error:
            raise Conflict(_taken(entity)) from error


def searched_columns(kind: Kind, body: Mapping[str, Any]) -> dict[str, str | None]:
    """What stands in the columns that are searched, besides the body."""
    columns = {column: searchable(body.get(name)) for column, name in _SEARCHED.items()}
    customer = body.get("customer")
    number = body.get("number") or (customer.get("number") if isinstance(customer, dict) else None)
    text, uri = searchable(number), searchable(body.get("sipUri"))
    if kind == Kind.PHONE_NUMBER:
        text = normal_number(text) if text else None
        uri = normal_sip_uri(uri) if uri else None
    return {**columns, "number": text, "sip_uri": uri}


@functools.cache
def _one() -> Select[Any]:
    return select(*ENTITY_COLUMNS).where(
        entities.c.id == bindparam("of_id"),
        entities.c.kind == bindparam("of_kind"),
        entities.c.organisation_id == bindparam("of_organisation"),
    )


def entity_of(row: Sequence[Any]) -> Entity:
    """From a row of `ENTITY_COLUMNS`."""
    id_, kind, organisation_id, created_at, updated_at, body = row
    return Entity(id_, Kind(kind), organisation_id, created_at, updated_at, body)


def _missing(kind: Kind, id: str) -> NotFound:  # noqa: A002
    return NotFound(f"There is no {kind.value} {id!r}.")


def _taken(entity: Entity) -> str:
    if entity.kind == Kind.PHONE_NUMBER:
        number = entity.body.get("number") or entity.body.get("sipUri")
        return f"The phone number {number} is in use already."
    return f"There is a {entity.kind.value} {entity.id!r} already."
