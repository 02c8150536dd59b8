"""Whose a called number is. The only question that is asked of all organisations: an inbound call has none yet."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.columns import searchable
from gateway.store.entities import ENTITY_COLUMNS, Entity, Kind, entity_of
from gateway.store.phone_numbers import normal_number, normal_sip_uri, user_of
from gateway.store.tables import entities


async def find_number(session: AsyncSession, number_or_sip_uri: str) -> Entity | None:
    """The phone number that was called, None when it is nobody's.

    Of a SIP URI its whole counts first, then its user as a number, then its user when one URI alone has it: carriers
    and PBXs put addresses of their own behind the @. Numbers are the same with and without the leading plus.
    """
    called = searchable(number_or_sip_uri.strip())
    if not called:
        return None
    user = user_of(called)
    if user is None:
        return await _by_number(session, called)
    exact = await _only(session, entities.c.sip_uri == normal_sip_uri(called))
    if exact is not None:
        return exact
    same_user = entities.c.sip_uri.startswith(f"sip:{user}@", autoescape=True)
    return await _by_number(session, user) or await _only(session, same_user)


async def _by_number(session: AsyncSession, number: str) -> Entity | None:
    normal = normal_number(number)
    digits = normal.removeprefix("+")
    found = await _only(session, entities.c.number == normal)
    if found is None and digits.isdigit():
        other = digits if normal.startswith("+") else f"+{digits}"
        found = await _only(session, entities.c.number == other)
    return found


async def _only(session: AsyncSession, condition: ColumnElement[Any]) -> Entity | None:
    wanted = select(*ENTITY_COLUMNS).where(entities.c.kind == Kind.PHONE_NUMBER.value, condition).limit(2)
    rows = (await session.execute(wanted)).all()
    return entity_of(rows[0]) if len(rows) == 1 else None
