"""Campaigns among the entities: those that go on."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.entities import ENTITY_COLUMNS, Entity, Kind, entity_of
from gateway.store.tables import entities

SCHEDULED = "scheduled"
IN_PROGRESS = "in-progress"
ENDED = "ended"
ACTIVE = (SCHEDULED, IN_PROGRESS)

_IS_CAMPAIGN = entities.c.kind == Kind.CAMPAIGN.value
_IS_ACTIVE = entities.c.body["status"].as_string().in_(ACTIVE)


async def active_campaigns(session: AsyncSession) -> Sequence[str]:
    """Ids of the campaigns of all organisations that have not ended, the oldest first."""
    wanted = select(entities.c.id).where(_IS_CAMPAIGN, _IS_ACTIVE).order_by(entities.c.created_at)
    return [str(id_) for (id_,) in await session.execute(wanted)]


async def active_campaign(session: AsyncSession, id_: str) -> Entity | None:
    """One that goes on; until the transaction ends nobody else has it. None when another process works at it."""
    wanted = select(*ENTITY_COLUMNS).where(entities.c.id == id_, _IS_CAMPAIGN, _IS_ACTIVE)
    row = (await session.execute(wanted.with_for_update(skip_locked=True))).first()
    return entity_of(row) if row else None
