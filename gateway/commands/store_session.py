"""What commands do in the database themselves, whether a control plane runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.settings import Settings
from gateway.store.database import Database, store_url
from gateway.store.organisations import Organisation, default_organisation, organisation

_T = TypeVar("_T")


def in_transaction(settings: Settings, ask: Callable[[AsyncSession], Awaitable[_T]]) -> _T:
    """What `ask` returns. :raises ParleyError: as `Database.open`"""

    async def run() -> _T:
        database = await Database.open(store_url(settings))
        try:
            async with database.transaction() as session:
                return await ask(session)
        finally:
            await database.close()

    return asyncio.run(run())


async def organisation_named(session: AsyncSession, owner: str | None) -> Organisation:
    """By name or id; None is the one that is there from the start. :raises NotFound: there is none"""
    return await (default_organisation(session) if owner is None else organisation(session, owner))
