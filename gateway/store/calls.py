"""Calls: each as Vapi shows it, beside the columns that lists and analytics ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import Conflict, NotFound
from gateway.store.clock import clock
from gateway.store.columns import searchable, written
from gateway.store.listing import ListQuery, conditions, ordered
from gateway.store.tables import call_events, calls


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call of an organisation. `body` is the Call as the API shows it; the other fields follow from it, but for
    `gateway`, which has the call."""

    id: str
    organisation_id: str
    type: str
    status: str
    name: str | None
    assistant_id: str | None
    squad_id: str | None
    phone_number_id: str | None
    customer_number: str | None
    gateway: str | None
    created_at: datetime
    updated_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    ended_reason: str | None
    cost: Decimal | None
    body: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        times = {"createdAt": written(self.created_at), "updatedAt": written(self.updated_at)}
        return {**self.body, "id": self.id, "orgId": self.organisation_id, **times}


_COLUMNS = tuple(calls.c[name] for name in CallRow.__slots__)
_BODY = (
    select(calls.c.body)
    .where(calls.c.id == bindparam("of_id"), calls.c.organisation_id == bindparam("of_organisation"))
    .with_for_update()
)
_FOLLOW = update(calls).where(calls.c.id == bindparam("of_id"))
_OURS = ("id", "orgId", "createdAt", "updatedAt")
_COSTS = {
    "cost_transport": "transport",
    "cost_stt": "stt",
    "cost_llm": "llm",
    "cost_tts": "tts",
    "cost_vapi": "vapi",
}
_AMOUNTS = {
    "prompt_tokens": "llmPromptTokens",
    "completion_tokens": "llmCompletionTokens",
    "cached_prompt_tokens": "llmCachedPromptTokens",
    "characters": "ttsCharacters",
}
"""Column → field of costBreakdown."""
_ANALYSES = ("summary", "structuredData", "successEvaluation", "structuredOutput")
_SUMMARY = "summary"
_BEGUN = ("queued", "ringing", "in-progress", "forwarding")


class Calls:
    """Of one organisation: no query leaves it."""

    def __init__(self, session: AsyncSession, organisation_id: str) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def create(
        self,
        body: Mapping[str, Any],
        *,
        id: str | None = None,  # noqa: A002
        created_at: datetime | None = None,
        gateway: str | None = None,
    ) -> CallRow:
        """Keep a new call.

        :param body: the Call as it is shown; `type` and `status` are needed
        :raises Conflict: there is a call of this id
        """
        now = created_at or clock.now()
        values = {
            "id": id or str(body.get("id") or uuid4()),
            "organisation_id": self._organisation_id,
            "created_at": now,
            "updated_at": now,
            "gateway": gateway,
            **_written(body),
        }
        try:
            row = (await self._session.execute(insert(calls).returning(*_COLUMNS), values)).one()
        except IntegrityError as error:
            raise Conflict(f"There is a call {values['id']!r} already.") from error
        return _read(row)

    async def get(self, id: str) -> CallRow:  # noqa: A002
        """:raises NotFound: this organisation has no such call"""
        return await self._get(id, lock=False)

    async def list(self, query: ListQuery) -> Sequence[CallRow]:
        """Newest first, unless the query says otherwise."""
        return await self._slice(query, 0)

    async def page(self, query: ListQuery, page: int) -> tuple[Sequence[CallRow], int]:
        """A page of `query.limit`, the first being 1, and how many there are in all."""
        own = calls.c.organisation_id == self._organisation_id
        counted = select(func.count()).select_from(calls).where(own, *conditions(calls, query))
        total = (await self._session.execute(counted)).scalar_one()
        return await self._slice(query, (page - 1) * query.limit), total

    async def update(self, id: str, changes: Mapping[str, Any], *, gateway: str | None = None) -> CallRow:  # noqa: A002
        """A shallow merge: a field is replaced as a whole, None takes it away.

        :raises NotFound: this organisation has no such call
        """
        found = await self._get(id, lock=True)
        values = {"updated_at": clock.now(), **_written({**found.body, **changes})}
        if gateway is not None:
            values["gateway"] = gateway
        statement = update(calls).where(calls.c.id == bindparam("of_id")).returning(*_COLUMNS)
        return _read((await self._session.execute(statement, {"of_id": id, **values})).one())

    async def follow(self, id: str, told: Mapping[str, Any]) -> None:  # noqa: A002
        """As `update`, for the events of calls, which are many: the row, which has become long, is not read back.

        :raises NotFound: this organisation has no such call
        """
        body = (await self._session.execute(_BODY, {"of_id": id, "of_organisation": self._organisation_id})).scalar()
        if body is None:
            raise NotFound(f"There is no call {id!r}.")
        values = {"of_id": id, "updated_at": clock.now(), **_written({**body, **told})}
        await self._session.execute(_FOLLOW, values)

    async def delete(self, id: str) -> CallRow:  # noqa: A002
        """What was there.

        :raises NotFound: this organisation has no such call
        """
        found = await self._get(id, lock=True)
        await self._session.execute(delete(calls).where(calls.c.id == found.id))
        return found

    async def _get(self, id_: str, *, lock: bool) -> CallRow:
        wanted = select(*_COLUMNS).where(
            calls.c.id == (searchable(id_) or ""), calls.c.organisation_id == self._organisation_id
        )
        row = (await self._session.execute(wanted.with_for_update() if lock else wanted)).first()
        if row is None:
            raise NotFound(f"There is no call {id_!r}.")
        return _read(row)

    async def _slice(self, query: ListQuery, offset: int) -> Sequence[CallRow]:
        own = calls.c.organisation_id == self._organisation_id
        wanted = ordered(select(*_COLUMNS).where(own, *conditions(calls, query)), calls, query)
        return [_read(row) for row in await self._session.execute(wanted.limit(query.limit).offset(offset))]


async def calls_in(
    session: AsyncSession, statuses: Iterable[str], *, before: datetime | None = None
) -> Sequence[CallRow]:
    """Calls of all organisations that are in one of the statuses, oldest first: those to dial at their time, and those
    that a gateway lost.

    :param before: only those scheduled for then or earlier, or not scheduled
    """
    wanted = select(*_COLUMNS).where(calls.c.status.in_(list(statuses))).order_by(calls.c.created_at)
    if before is not None:
        wanted = wanted.where(calls.c.scheduled_at.is_(None) | (calls.c.scheduled_at <= before))
    return [_read(row) for row in await session.execute(wanted)]


@dataclass(frozen=True, slots=True)
class BegunCall:
    """A call that was begun and has not ended, as far as its row says."""

    id: str
    status: str
    gateway: str | None
    updated_at: datetime


async def begun_calls(session: AsyncSession) -> Sequence[BegunCall]:
    """Of all organisations, oldest first."""
    wanted = select(*(calls.c[name] for name in BegunCall.__slots__)).where(calls.c.status.in_(_BEGUN))
    return [BegunCall(*row) for row in await session.execute(wanted.order_by(calls.c.created_at))]


async def live_calls(session: AsyncSession, organisation_id: str) -> Sequence[str]:
    """Ids of the calls of an organisation that were begun and have not ended, as far as their rows say."""
    begun = calls.c.status.in_(_BEGUN)
    wanted = select(calls.c.id).where(calls.c.organisation_id == organisation_id, begun)
    return [str(id_) for (id_,) in await session.execute(wanted)]


async def unreported_calls(session: AsyncSession, since: datetime) -> Sequence[str]:
    """Ids of calls of all organisations that were made since then and ended, and whose report nobody wrote."""
    reported = select(call_events.c.call_id).where(call_events.c.call_id == calls.c.id, call_events.c.kind == "report")
    ended = select(call_events.c.call_id).where(call_events.c.call_id == calls.c.id, call_events.c.kind == "ended")
    wanted = select(calls.c.id).where(
        calls.c.status == "ended", calls.c.created_at >= since, ended.exists(), ~reported.exists()
    )
    return [str(id_) for (id_,) in await session.execute(wanted.order_by(calls.c.created_at))]


async def minutes_between(session: AsyncSession, organisation_id: str, start: datetime, end: datetime) -> Decimal:
    """How long the calls of an organisation were that began from `start` on and before `end`."""
    summed = select(func.coalesce(func.sum(calls.c.duration_ms), 0)).where(
        calls.c.organisation_id == organisation_id, calls.c.started_at >= start, calls.c.started_at < end
    )
    return Decimal((await session.execute(summed)).scalar_one()) / 60_000


async def find_call(session: AsyncSession, id_: str) -> CallRow | None:
    """A call of whichever organisation: for the events of gateways, never for callers of the API."""
    row = (await session.execute(select(*_COLUMNS).where(calls.c.id == (searchable(id_) or "")))).first()
    return _read(row) if row else None


def _written(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in _OURS and value is not None}
    return {**call_columns(kept), "body": kept}


def call_columns(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the columns hold of a Call as it is shown."""
    started, ended = _time(body.get("startedAt")), _time(body.get("endedAt"))
    return {
        "type": searchable(body.get("type")) or "",
        "status": searchable(body.get("status")) or "",
        "name": searchable(body.get("name")),
        "assistant_id": searchable(body.get("assistantId")),
        "squad_id": searchable(body.get("squadId")),
        "phone_number_id": searchable(body.get("phoneNumberId")),
        "campaign_id": searchable(body.get("campaignId")),
        "customer_number": searchable(_part(body, "customer").get("number")),
        "scheduled_at": _time(_part(body, "schedulePlan").get("earliestAt")),
        "started_at": started,
        "ended_at": ended,
        "duration_ms": round((ended - started).total_seconds() * 1000) if started and ended else None,
        "ended_reason": searchable(body.get("endedReason")),
        "success_evaluation": searchable(_part(body, "analysis").get("successEvaluation")),
        **_money(body),
        "variables": _part(_part(body, "artifact"), "variableValues") or None,
    }


def _money(body: Mapping[str, Any]) -> dict[str, Any]:
    breakdown = _part(body, "costBreakdown")
    analysis = _part(breakdown, "analysisCostBreakdown")
    analysed = [amount for name in _ANALYSES if (amount := _amount(analysis.get(name))) is not None]
    return {
        "cost": _amount(body.get("cost")),
        **{column: _amount(breakdown.get(name)) for column, name in _COSTS.items()},
        "cost_analysis": sum(analysed, Decimal(0)) if analysed else None,
        "cost_summary": _amount(analysis.get(_SUMMARY)),
        **{column: _whole(breakdown.get(name)) for column, name in _AMOUNTS.items()},
    }


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _read(row: Sequence[Any]) -> CallRow:
    return CallRow(*row)
