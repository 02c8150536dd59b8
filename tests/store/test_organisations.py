from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import Conflict, NotFound
from gateway.store.organisations import create_organisation, default_organisation, list_organisations, organisation


async def test_there_is_one_from_the_beginning(session: AsyncSession, organisation_id: str) -> None:
    assert (await default_organisation(session)).id == organisation_id
    assert [one.id for one in await list_organisations(session)] == [organisation_id]


async def test_it_is_found_by_name_and_id(session: AsyncSession) -> None:
    made = await create_organisation(session, "Bakery", {"server": {"url": "https://example.com"}})
    assert await organisation(session, "Bakery") == await organisation(session, made.id) == made
    with pytest.raises(NotFound, match="parley organisation list"):
        await organisation(session, "Butcher")


async def test_a_name_is_given_once(session: AsyncSession) -> None:
    await create_organisation(session, "Bakery")
    with pytest.raises(Conflict):
        await create_organisation(session, "Bakery")
