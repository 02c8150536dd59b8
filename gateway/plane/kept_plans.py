"""The plans of calls that are going on, kept encrypted in the store: after a restart the control plane still knows
where a call's messages go, and with which secrets."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.assistant.call_plan import CallPlan
from gateway.errors import NotFound
from gateway.store.entities import Entities, Kind
from gateway.store.secrets import Secrets
from gateway.store.tables import entities

_FIELD = "secret"


async def keep_plan(session: AsyncSession, secrets: Secrets, plan: CallPlan) -> None:
    """In the transaction of the call's row."""
    body = secrets.sealed({_FIELD: json.loads(plan.model_dump_json(by_alias=True))})
    await Entities(session, plan.organisation).create(Kind.CALL_PLAN, body, id=plan.call_id)


async def kept_plan(session: AsyncSession, secrets: Secrets, organisation: str, call_id: str) -> CallPlan | None:
    """The plan of a call; None of one that parley.yaml routed, or whose plan was forgotten."""
    try:
        entity = await Entities(session, organisation).get(Kind.CALL_PLAN, call_id)
    except NotFound:
        return None
    return CallPlan.model_validate(secrets.opened(entity.body)[_FIELD])


async def forget_plan(session: AsyncSession, organisation: str, call_id: str) -> None:
    """Of a call that never was."""
    own = (entities.c.id == call_id) & (entities.c.organisation_id == organisation)
    await session.execute(delete(entities).where(own, entities.c.kind == Kind.CALL_PLAN.value))


async def forget_plans(session: AsyncSession, before: datetime) -> None:
    """Of calls that began before then."""
    old = (entities.c.kind == Kind.CALL_PLAN.value) & (entities.c.created_at < before)
    await session.execute(delete(entities).where(old))
