"""Which gateways there are, and when one of the control plane's processes last had them attached: their leases."""

from __future__ import annotations

from collections.abc import Collection, Set
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.tables import gateways


async def seen(session: AsyncSession, names: Collection[str], now: datetime) -> None:
    """They, one at least, are attached now."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # in one order, or two processes that both had a gateway wait for each other
    statement = insert(gateways).values([{"name": name, "seen_at": now} for name in sorted(names)])
    await session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"seen_at": now}))


async def seen_since(session: AsyncSession, since: datetime) -> Set[str]:
    """Names of those that were attached then or later."""
    wanted = select(gateways.c.name).where(gateways.c.seen_at >= since)
    return set((await session.execute(wanted)).scalars())
