"""A request that is sent again is done once: which call an idempotency key began."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.clock import clock
from gateway.store.columns import to_json
from gateway.store.tables import idempotency_keys


@dataclass(frozen=True, slots=True)
class Earlier:
    """The request that came with the same key before; `same` tells whether it asked the same."""

    call_id: str
    same: bool


def request_hash(body: Mapping[str, Any]) -> str:
    """Of a request, the same however its fields are ordered."""
    return hashlib.sha256(to_json(_sorted(body)).encode()).hexdigest()


async def remember(
    session: AsyncSession, organisation_id: str, key: str, body: Mapping[str, Any], call_id: str
) -> Earlier | None:
    """Bind a key to the call that is about to begin, in the call's transaction.

    Returns None for a new key. When it is known already, nothing is changed, and the earlier request is returned.
    """
    hashed = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    values = {
        "organisation_id": organisation_id,
        "key": hashed,
        "request_hash": request_hash(body),
        "call_id": call_id,
        "created_at": clock.now(),
    }
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(idempotency_keys).on_conflict_do_nothing().returning(idempotency_keys.c.call_id)
    if (await session.execute(statement, values)).first() is not None:
        return None
    known = select(idempotency_keys.c.call_id, idempotency_keys.c.request_hash).where(
        idempotency_keys.c.organisation_id == organisation_id, idempotency_keys.c.key == hashed
    )
    first_call, first_hash = (await session.execute(known)).one()
    return Earlier(first_call, first_hash == values["request_hash"])


async def forget(session: AsyncSession, before: datetime) -> None:
    """Delete the keys that were used before then."""
    await session.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < before))


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value
