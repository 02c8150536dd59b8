from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import NotFound
from gateway.store.database import Database
from gateway.store.key_cache import KeyCache, KeyHolder
from gateway.store.keys import authenticate, create_key, keep_key, list_keys, revoke
from gateway.store.tables import api_keys


async def test_a_key_opens_its_organisation(session: AsyncSession, organisation_id: str) -> None:
    private = await create_key(session, organisation_id, name="server")
    public = await create_key(session, organisation_id, scope="public")
    holders = [await authenticate(session, key) for key in (private, public)]
    assert [(one.organisation_id, one.scope) for one in holders if one] == [
        (organisation_id, "private"),
        (organisation_id, "public"),
    ]
    assert (private[:3], public[:3]) == ("sk_", "pk_")


@pytest.mark.parametrize("plaintext", ["", "sk_unknown", "\0", "\ud800", "x" * 100_000])
async def test_an_unknown_key_opens_nothing(session: AsyncSession, plaintext: str) -> None:
    assert await authenticate(session, plaintext) is None


async def test_the_key_itself_is_not_kept(session: AsyncSession, organisation_id: str) -> None:
    plaintext = await create_key(session, organisation_id)
    row = (await session.execute(select(api_keys))).one()
    assert plaintext not in {str(value) for value in row}
    (shown,) = await list_keys(session, organisation_id)
    assert plaintext.startswith(shown.prefix)
    assert len(shown.prefix) == 8


async def test_a_revoked_key_is_refused_at_once(database: Database) -> None:
    organisation_id = database.default_organisation_id
    async with database.transaction() as session:
        plaintext = await create_key(session, organisation_id)
        holder = await authenticate(session, plaintext)
    assert holder is not None
    async with database.transaction() as session:
        await revoke(session, organisation_id, holder.key_id)
        assert await authenticate(session, plaintext) is None
    async with database.reading() as session:
        assert await authenticate(session, plaintext) is None
        (shown,) = await list_keys(session, organisation_id)
    assert shown.revoked_at is not None


async def test_a_key_is_revoked_in_its_own_organisation_only(
    session: AsyncSession, organisation_id: str, other_organisation_id: str
) -> None:
    plaintext = await create_key(session, organisation_id)
    with pytest.raises(NotFound):
        await revoke(session, other_organisation_id, plaintext[:8])
    await revoke(session, organisation_id, plaintext[:8])
    with pytest.raises(NotFound):
        await revoke(session, organisation_id, plaintext[:8])


async def test_the_last_use_is_written_with_the_next_transaction(database: Database) -> None:
    organisation_id = database.default_organisation_id
    async with database.transaction() as session:
        plaintext = await create_key(session, organisation_id)
    async with database.reading() as session:
        await authenticate(session, plaintext)
    async with database.transaction():
        pass
    async with database.reading() as session:
        (shown,) = await list_keys(session, organisation_id)
    assert shown.last_used_at is not None
    assert shown.last_used_at > shown.created_at


async def test_a_key_of_the_operators_choice_takes_the_place_of_the_former_one(
    session: AsyncSession, organisation_id: str
) -> None:
    for plaintext in ("first key", "second key", "second key", "first key"):
        await keep_key(session, organisation_id, plaintext, name="bootstrap")
    assert await authenticate(session, "first key") is not None
    assert await authenticate(session, "second key") is None


def test_a_holder_is_remembered_for_seconds() -> None:
    now = 100.0
    cache = KeyCache(seconds=5, monotonic=lambda: now)
    holder = KeyHolder("organisation", "private", "key")
    cache.put("hash", holder)
    now = 104.9
    assert cache.get("hash") == holder
    now = 105.0
    assert cache.get("hash") is None


def test_nothing_is_remembered_while_a_key_is_being_revoked() -> None:
    cache = KeyCache()
    holder = KeyHolder("organisation", "private", "key")
    cache.put("hash", holder)
    cache.forget()
    cache.put("hash", holder)
    assert cache.get("hash") is None
    cache.settled()
    cache.put("hash", holder)
    assert cache.get("hash") == holder
