"""Whose a called number is. The only question that is asked of all organisations: an inbound call has none yet."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.columns import searchable
from gateway.store.entities import ENTITY_COLUMNS, Entity, Kind, entity_of
from gateway.store.phone_numbers import normal_number, normal_sip_uri, other_writing, user_of
from gateway.store.tables import entities

_CREDENTIAL_HOST = re.compile(r"@([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:[.:;>]|$)", re.IGNORECASE)


def named_credential(sip_uri: str) -> str | None:
    """The credential of a trunk that an address names: NUMBER@CREDENTIAL-ID.host."""
    match = _CREDENTIAL_HOST.search(sip_uri)
    return match[1].lower() if match else None


async def owner_of_credential(session: AsyncSession, id_: str) -> str | None:
    """The organisation whose credential it is."""
    wanted = select(entities.c.organisation_id).where(entities.c.kind == Kind.CREDENTIAL.value, entities.c.id == id_)
    found: str | None = (await session.execute(wanted)).scalar_one_or_none()
    return found


async def find_number(
    session: AsyncSession, number_or_sip_uri: str, organisation_id: str | None = None
) -> Entity | None:
    """The phone number that was called, None when it is nobody's.

    :param organisation_id: whose it must be; None for anybody's

    Of a SIP URI its whole counts first, then its user as a number, then its user when one URI alone has it: carriers
    and PBXs put addresses of their own behind the @. Numbers are the same with and without the leading plus.
    """
    called = searchable(number_or_sip_uri.strip())
    if not called:
        return None
    user = user_of(called)
    if user is None:
        return await _by_number(session, called, organisation_id)
    exact = await _only(session, entities.c.sip_uri == normal_sip_uri(called), organisation_id)
    if exact is not None:
        return exact
    same_user = entities.c.sip_uri.startswith(f"sip:{user}@", autoescape=True)
    by_number = await _by_number(session, user, organisation_id)
    return by_number or await _only(session, same_user, organisation_id)


async def _by_number(session: AsyncSession, number: str, organisation_id: str | None) -> Entity | None:
    normal = normal_number(number)
    found = await _only(session, entities.c.number == normal, organisation_id)
    if found is None and (other := other_writing(normal)):
        found = await _only(session, entities.c.number == other, organisation_id)
    return found


async def _only(session: AsyncSession, condition: ColumnElement[Any], organisation_id: str | None) -> Entity | None:
    wanted = select(*ENTITY_COLUMNS).where(entities.c.kind == Kind.PHONE_NUMBER.value, condition).limit(2)
    if organisation_id is not None:
        wanted = wanted.where(entities.c.organisation_id == organisation_id)
    rows = (await session.execute(wanted)).all()
    return entity_of(rows[0]) if len(rows) == 1 else None
