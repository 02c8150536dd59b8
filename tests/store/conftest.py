"""What the tests of the store share: an open session, and organisations in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.database import Database
from gateway.store.organisations import create_organisation


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    """A transaction of the whole test."""
    async with database.transaction() as opened:
        yield opened


@pytest.fixture
def organisation_id(database: Database) -> str:
    return database.default_organisation_id


@pytest.fixture
async def other_organisation_id(session: AsyncSession) -> str:
    return (await create_organisation(session, "other")).id
