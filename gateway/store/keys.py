"""API keys: random, told once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import NotFound
from gateway.store.clock import clock
from gateway.store.columns import searchable
from gateway.store.key_cache import KeyCache, KeyHolder, Scope
from gateway.store.tables import api_keys

__all__ = ["ApiKey", "KeyHolder", "Scope", "authenticate", "create_key", "keep_key", "list_keys", "revoke"]

_LETTERS: dict[Scope, str] = {"private": "sk_", "public": "pk_"}
_SHOWN = 8
"""So many characters of a key stand in lists."""
_BETWEEN_USES = timedelta(minutes=1)
"""The last use is kept to the minute."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as lists show it: `prefix` is its beginning."""

    id: str
    organisation_id: str
    name: str
    scope: Scope
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


_COLUMNS = tuple(
    api_keys.c[name]
    for name in ("id", "organisation_id", "name", "scope", "prefix", "created_at", "last_used_at", "revoked_at")
)
_BY_HASH = select(api_keys.c.id, api_keys.c.organisation_id, api_keys.c.scope, api_keys.c.last_used_at).where(
    api_keys.c.hash == bindparam("of_hash"), api_keys.c.revoked_at.is_(None)
)


async def create_key(session: AsyncSession, organisation_id: str, *, name: str = "", scope: Scope = "private") -> str:
    """A new key. It cannot be had again."""
    plaintext = _LETTERS[scope] + secrets.token_urlsafe(32)
    await _insert(session, organisation_id, plaintext, name, scope)
    return plaintext


async def keep_key(session: AsyncSession, organisation_id: str, plaintext: str, *, name: str) -> None:
    """Let a key of the operator's own choice be the private one of this name, and no other of that name."""
    row = (await session.execute(_BY_HASH, {"of_hash": _hash(plaintext)})).first()
    if row is not None:
        return
    same_name = (api_keys.c.organisation_id == organisation_id) & (api_keys.c.name == name)
    same_hash = api_keys.c.hash == _hash(plaintext)
    await session.execute(update(api_keys).where(same_name).values(revoked_at=clock.now()))
    revived = await session.execute(update(api_keys).where(same_hash).values(revoked_at=None).returning(api_keys.c.id))
    if revived.first() is None:
        await _insert(session, organisation_id, plaintext, name, "private")
    _cache(session).forget()


async def authenticate(session: AsyncSession, plaintext: str) -> KeyHolder | None:
    """Who holds this key; None when it is unknown or revoked. Asks the database once in some seconds."""
    key_hash, cache = _hash(plaintext), _cache(session)
    known = cache.get(key_hash)
    if known is not None:
        return known
    row = (await session.execute(_BY_HASH, {"of_hash": key_hash})).first()
    if row is None:
        return None
    id_, organisation_id, scope, last_used_at = row
    now = clock.now()
    if last_used_at is None or now - last_used_at >= _BETWEEN_USES:
        cache.used[id_] = now
    holder = KeyHolder(organisation_id, scope, id_)
    cache.put(key_hash, holder)
    return holder


async def revoke(session: AsyncSession, organisation_id: str, id_or_prefix: str) -> ApiKey:
    """From now on the key is refused.

    :param id_or_prefix: as `list_keys` shows them
    :raises NotFound: the organisation has no such key that is valid
    """
    wanted = searchable(id_or_prefix) or ""
    statement = (
        update(api_keys)
        .where(
            api_keys.c.organisation_id == organisation_id,
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.id == wanted, api_keys.c.prefix == wanted),
        )
        .values(revoked_at=clock.now())
        .returning(*_COLUMNS)
    )
    row = (await session.execute(statement)).first()
    if row is None:
        raise NotFound(f"There is no valid key {id_or_prefix!r}: `parley key list` shows those there are.")
    _cache(session).forget()
    return _read(row)


async def list_keys(session: AsyncSession, organisation_id: str) -> Sequence[ApiKey]:
    """All, revoked ones too, oldest first."""
    wanted = select(*_COLUMNS).where(api_keys.c.organisation_id == organisation_id).order_by(api_keys.c.created_at)
    return [_read(row) for row in await session.execute(wanted)]


async def _insert(session: AsyncSession, organisation_id: str, plaintext: str, name: str, scope: Scope) -> None:
    values = {
        "id": str(uuid4()),
        "organisation_id": organisation_id,
        "name": name,
        "scope": scope,
        "hash": _hash(plaintext),
        "prefix": plaintext[: min(_SHOWN, len(plaintext) // 2)],
        "created_at": clock.now(),
    }
    await session.execute(insert(api_keys), values)


def _hash(plaintext: str) -> str:
    # The keys are 256 random bits, which nobody guesses: a slow hash would only make every request slow.
    return hashlib.sha256(plaintext.encode("utf-8", "surrogatepass")).hexdigest()


def _cache(session: AsyncSession) -> KeyCache:
    cache = session.info["keys"]
    assert isinstance(cache, KeyCache)
    return cache


def _read(row: Sequence[Any]) -> ApiKey:
    return ApiKey(*row)
