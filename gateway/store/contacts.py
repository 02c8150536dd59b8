"""Whom campaigns call, and whom a call of the API may call again: each a *contact*, with what became of it.

waiting → claimed (a process is about to dial) → calling (its call has a row) → done, or waiting once more. The row of
the call and `calling` are one transaction: so a contact that is claimed was not called, whoever died since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import Conflict
from gateway.store.clock import clock
from gateway.store.columns import searchable
from gateway.store.tables import calls, contacts


class ContactState(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    CALLING = "calling"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Contact:
    """`attempts` are calls that were begun, `tries` those of them that came to an end somebody knows. `call_id` is the
    last call. `body` of a campaign's is {customer, phoneNumberId}; that of an API call is sealed."""

    id: str
    organisation_id: str
    campaign_id: str | None
    position: int
    number: str | None
    state: ContactState
    due_at: datetime
    claimed_at: datetime | None
    attempts: int
    tries: int
    call_id: str | None
    outcome: str | None
    detail: str | None
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EndedCall:
    """The call of a contact that has ended; all None when it was deleted."""

    contact: Contact
    ended_reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How many contacts of a campaign are where; `voicemail` are among `ended`."""

    scheduled: int = 0
    queued: int = 0
    in_progress: int = 0
    ended: int = 0
    voicemail: int = 0


_COLUMNS = tuple(contacts.c[name] for name in Contact.__slots__)
_WAITING = contacts.c.state == ContactState.WAITING.value
_CLAIMED = contacts.c.state == ContactState.CLAIMED.value
_CALLING = contacts.c.state == ContactState.CALLING.value
_DONE = ContactState.DONE.value
_IN_PROGRESS = ("in-progress", "forwarding")


async def add_contacts(
    session: AsyncSession, organisation_id: str, campaign_id: str, bodies: Sequence[Mapping[str, Any]]
) -> None:
    """Of a new campaign, in the order in which they are called.

    :param bodies: {customer, phoneNumberId} of each
    """
    now = clock.now()
    rows = [
        _row(str(uuid4()), organisation_id, body, now, campaign_id=campaign_id, position=position)
        for position, body in enumerate(bodies)
    ]
    await session.execute(insert(contacts), rows)


async def add_claimed(session: AsyncSession, organisation_id: str, call_id: str, body: Mapping[str, Any]) -> None:
    """Of a call of the API that is about to begin; named as its first call."""
    now = clock.now()
    ours = {"state": ContactState.CLAIMED.value, "claimed_at": now, "attempts": 1, "call_id": call_id}
    await session.execute(insert(contacts), {**_row(call_id, organisation_id, body, now), **ours})


def _row(
    id_: str,
    organisation_id: str,
    body: Mapping[str, Any],
    now: datetime,
    *,
    campaign_id: str | None = None,
    position: int = 0,
) -> dict[str, Any]:
    customer = body.get("customer") or {}
    return {
        "id": id_,
        "organisation_id": organisation_id,
        "campaign_id": campaign_id,
        "position": position,
        "number": searchable(customer.get("number") or customer.get("sipUri")),
        "state": ContactState.WAITING.value,
        "due_at": now,
        "attempts": 0,
        "tries": 0,
        "body": dict(body),
    }


async def forget_claimed(session: AsyncSession, call_id: str) -> None:
    """A call of the API was refused: there is nobody to call again."""
    await session.execute(delete(contacts).where(contacts.c.id == call_id, _CLAIMED))


async def delete_contacts(session: AsyncSession, campaign_id: str) -> None:
    """Of a campaign that is deleted."""
    await session.execute(delete(contacts).where(contacts.c.campaign_id == campaign_id))


# -------------------------------------------------------------------- before a call


async def due_contacts(session: AsyncSession, campaign_id: str | None, now: datetime, limit: int) -> Sequence[Contact]:
    """Who may be called now, the first due first.

    :param campaign_id: None for calls of the API
    """
    wanted = select(*_COLUMNS).where(_of(campaign_id), _WAITING, contacts.c.due_at <= now)
    ordered = wanted.order_by(contacts.c.due_at, contacts.c.position).limit(limit)
    return await _listed(session, ordered.with_for_update(skip_locked=True))


async def pace_of(session: AsyncSession, campaign_id: str) -> tuple[int, datetime | None]:
    """How many calls of a campaign go on or are about to begin, and when the last of all began."""
    busy = contacts.c.state.in_((ContactState.CLAIMED.value, ContactState.CALLING.value))
    counted = select(func.count(case((busy, 1))), func.max(contacts.c.claimed_at)).where(
        contacts.c.campaign_id == campaign_id
    )
    live, last = (await session.execute(counted)).one()
    return int(live), last


async def claim(session: AsyncSession, contact: Contact, call_id: str, at: datetime) -> bool:
    """This process calls a contact that waits; false when another one does.

    :param at: when the call begins
    """
    values = {
        "state": ContactState.CLAIMED.value,
        "call_id": call_id,
        "claimed_at": at,
        "attempts": contact.attempts + 1,
    }
    claimed = update(contacts).where(contacts.c.id == contact.id, _WAITING).values(values).returning(contacts.c.id)
    return (await session.execute(claimed)).first() is not None


async def put_off(session: AsyncSession, contact_id: str, due_at: datetime) -> None:
    """Somebody who waits, but cannot be called before then."""
    await session.execute(update(contacts).where(contacts.c.id == contact_id, _WAITING).values(due_at=due_at))


async def give_back(session: AsyncSession, call_id: str, due_at: datetime) -> None:
    """Who was claimed for this call was not called, and waits."""
    values = {"state": ContactState.WAITING.value, "due_at": due_at, "attempts": contacts.c.attempts - 1}
    await session.execute(update(contacts).where(contacts.c.call_id == call_id, _CLAIMED).values(values))


async def give_back_stale(session: AsyncSession, before: datetime) -> None:
    """Those claimed before then wait again: who claimed them is gone. First calls of the API are forgotten, since
    whoever asked for one was not told of it."""
    stale = (_CLAIMED, contacts.c.claimed_at < before)
    await session.execute(delete(contacts).where(*stale, contacts.c.campaign_id.is_(None), contacts.c.attempts == 1))
    values = {"state": ContactState.WAITING.value, "attempts": contacts.c.attempts - 1}
    await session.execute(update(contacts).where(*stale).values(values))


async def begun(session: AsyncSession, call_id: str) -> None:
    """In the transaction that makes the call's row.

    :raises Conflict: nobody is claimed for this call any more
    """
    values = {"state": ContactState.CALLING.value}
    marked = update(contacts).where(contacts.c.call_id == call_id, _CLAIMED).values(values).returning(contacts.c.id)
    if (await session.execute(marked)).first() is None:
        raise Conflict(f"The call {call_id!r} is not to begin any more.")


async def not_begun(session: AsyncSession, call_id: str) -> None:
    """In the transaction that takes the call's row back."""
    values = {"state": ContactState.CLAIMED.value}
    await session.execute(update(contacts).where(contacts.c.call_id == call_id, _CALLING).values(values))


# -------------------------------------------------------------------- after a call


async def ended_calls(session: AsyncSession, limit: int) -> Sequence[EndedCall]:
    """Contacts whose call has ended or was deleted, and that nobody followed up."""
    wanted = (
        select(*_COLUMNS, calls.c.id, calls.c.ended_reason, calls.c.started_at, calls.c.ended_at)
        .select_from(contacts.outerjoin(calls, calls.c.id == contacts.c.call_id))
        .where(_CALLING, (calls.c.id.is_(None)) | (calls.c.status == "ended"))
        .limit(limit)
    )
    count = len(_COLUMNS)
    return [
        EndedCall(_read(row[:count]), row[count + 1], row[count + 2], row[count + 3], deleted=row[count] is None)
        for row in await session.execute(wanted)
    ]


async def wait_again(session: AsyncSession, contact: Contact, due_at: datetime, *, tries: int, outcome: str) -> None:
    """It is called again, from then on."""
    values = {"state": ContactState.WAITING.value, "due_at": due_at, "tries": tries, "outcome": outcome}
    await _follow(session, contact, values)


async def finish(
    session: AsyncSession, contact: Contact, outcome: str, *, tries: int | None = None, detail: str | None = None
) -> None:
    """It is not called again. One of a call of the API is forgotten, with the secrets of its request.

    :param detail: one sentence, where its call tells none
    """
    values = {
        "state": ContactState.DONE.value,
        "outcome": outcome,
        "detail": detail,
        "tries": contact.tries if tries is None else tries,
    }
    await _follow(session, contact, values)
    if contact.campaign_id is None:
        await session.execute(delete(contacts).where(contacts.c.id == contact.id, contacts.c.state == _DONE))


async def refuse(session: AsyncSession, call_id: str, outcome: str, detail: str) -> None:
    """Who was claimed for this call cannot be called at all. Forgotten as by `finish`."""
    ours = (contacts.c.call_id == call_id, _CLAIMED)
    await session.execute(delete(contacts).where(*ours, contacts.c.campaign_id.is_(None)))
    values = {"state": ContactState.DONE.value, "outcome": outcome, "detail": detail}
    await session.execute(update(contacts).where(*ours).values(values))


async def finish_waiting(session: AsyncSession, campaign_id: str, outcome: str, detail: str) -> None:
    """Nobody who waits is called any more."""
    values = {"state": ContactState.DONE.value, "outcome": outcome, "detail": detail}
    await session.execute(update(contacts).where(contacts.c.campaign_id == campaign_id, _WAITING).values(values))


async def _follow(session: AsyncSession, contact: Contact, values: Mapping[str, Any]) -> None:
    """Once: whoever read the contact as it is no more changes nothing."""
    same = (contacts.c.id == contact.id, contacts.c.state == contact.state.value)
    same_call = contacts.c.call_id.is_(None) if contact.call_id is None else contacts.c.call_id == contact.call_id
    await session.execute(update(contacts).where(*same, same_call).values(dict(values)))


# -------------------------------------------------------------------- what is shown


async def open_contacts(session: AsyncSession, campaign_id: str) -> int:
    """How many are not done."""
    counted = select(func.count()).select_from(contacts)
    is_open = contacts.c.state != ContactState.DONE.value
    return int((await session.execute(counted.where(contacts.c.campaign_id == campaign_id, is_open))).scalar_one())


async def list_contacts(
    session: AsyncSession, campaign_id: str, *, limit: int | None = None, offset: int = 0
) -> Sequence[Contact]:
    """In the order of the campaign."""
    wanted = select(*_COLUMNS).where(contacts.c.campaign_id == campaign_id).order_by(contacts.c.position)
    return await _listed(session, wanted.limit(limit).offset(offset))


async def progress_of(session: AsyncSession, campaign_ids: Iterable[str]) -> Mapping[str, Progress]:
    """Of each campaign that has contacts."""
    joined = contacts.outerjoin(calls, (calls.c.id == contacts.c.call_id) & _CALLING)
    columns = (contacts.c.campaign_id, contacts.c.state, calls.c.status, contacts.c.outcome == "voicemail")
    wanted = select(*columns, func.count()).select_from(joined)
    grouped = wanted.where(contacts.c.campaign_id.in_(list(campaign_ids))).group_by(*columns)
    counts: dict[str, dict[str, int]] = {}
    for campaign_id, state, status, voicemail, count in await session.execute(grouped):
        of = counts.setdefault(campaign_id, dict.fromkeys(Progress.__slots__, 0))
        of[_place(state, status)] += count
        of["voicemail"] += count if state == ContactState.DONE.value and voicemail else 0
    return {campaign_id: Progress(**of) for campaign_id, of in counts.items()}


async def outcomes_of(session: AsyncSession, campaign_id: str) -> Mapping[str, int]:
    """How many contacts came to which end."""
    done = (contacts.c.campaign_id == campaign_id, contacts.c.state == ContactState.DONE.value)
    wanted = select(contacts.c.outcome, func.count()).where(*done).group_by(contacts.c.outcome)
    return {str(outcome): count for outcome, count in await session.execute(wanted)}


async def campaign_calls(session: AsyncSession, organisation_id: str, campaign_id: str) -> Mapping[str, dict[str, Any]]:
    """Every call of a campaign by its id: status, endedReason and whom it called."""
    columns = (calls.c.id, calls.c.status, calls.c.ended_reason, calls.c.customer_number)
    own = (calls.c.campaign_id == campaign_id, calls.c.organisation_id == organisation_id)
    rows = await session.execute(select(*columns).where(*own).order_by(calls.c.created_at))
    named = ("status", "endedReason", "number")
    return {
        id_: {name: value for name, value in zip(named, values, strict=True) if value is not None}
        for id_, *values in rows
    }


def _place(state: str, status: str | None) -> str:
    """The field of `Progress`."""
    if state == ContactState.WAITING.value:
        return "scheduled"
    if state == ContactState.DONE.value:
        return "ended"
    return "in_progress" if status in _IN_PROGRESS else "queued"


def _of(campaign_id: str | None) -> ColumnElement[bool]:
    return contacts.c.campaign_id.is_(None) if campaign_id is None else contacts.c.campaign_id == campaign_id


async def _listed(session: AsyncSession, statement: Select[Any]) -> Sequence[Contact]:
    return [_read(row) for row in await session.execute(statement)]


def _read(row: Sequence[Any]) -> Contact:
    values = dict(zip(Contact.__slots__, row, strict=True))
    return Contact(**{**values, "state": ContactState(values["state"])})
