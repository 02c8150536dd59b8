"""The statements of analytics: rows of one organisation's calls, summed up where the database can do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, String, Text, cast, func, literal, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.analytics.query import Column, GroupColumn
from gateway.store.columns import moment
from gateway.store.tables import calls

_MILLION = 1_000_000
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Measure:
    """A column with numbers. So many of its units make one of what is shown."""

    column: ColumnElement[Any]
    unit: int


MEASURES: Mapping[Column, Measure] = {
    "cost": Measure(calls.c.cost, _MILLION),
    "costBreakdown.llm": Measure(calls.c.cost_llm, _MILLION),
    "costBreakdown.stt": Measure(calls.c.cost_stt, _MILLION),
    "costBreakdown.tts": Measure(calls.c.cost_tts, _MILLION),
    "costBreakdown.vapi": Measure(calls.c.cost_vapi, _MILLION),
    "costBreakdown.transport": Measure(calls.c.cost_transport, _MILLION),
    "costBreakdown.transcriber": Measure(calls.c.cost_stt, _MILLION),
    "costBreakdown.analysisBreakdown.summary": Measure(calls.c.cost_summary, _MILLION),
    "costBreakdown.ttsCharacters": Measure(calls.c.characters, 1),
    "costBreakdown.llmPromptTokens": Measure(calls.c.prompt_tokens, 1),
    "costBreakdown.llmCompletionTokens": Measure(calls.c.completion_tokens, 1),
    "costBreakdown.llmCachedPromptTokens": Measure(calls.c.cached_prompt_tokens, 1),
    "duration": Measure(calls.c.duration_ms, _MINUTE_MS),
    "minutesUsed": Measure(calls.c.duration_ms, _MINUTE_MS),
}
_GROUPS: Mapping[GroupColumn, ColumnElement[Any]] = {
    "type": calls.c.type,
    "assistantId": calls.c.assistant_id,
    "endedReason": calls.c.ended_reason,
    "analysis.successEvaluation": calls.c.success_evaluation,
    "status": calls.c.status,
    "campaignId": calls.c.campaign_id,
}
_CREATED_MS = type_coerce(calls.c.created_at, BigInteger)
_STARTED_MS = type_coerce(calls.c.started_at, BigInteger)
_ENDED_MS = type_coerce(calls.c.ended_at, BigInteger)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which calls, and what tells their groups apart. A row's groups come as texts, those of variables as JSON."""

    organisation_id: str
    start: datetime
    end: datetime
    groups: Sequence[ColumnElement[Any]]


def group_columns(
    session: AsyncSession, columns: Iterable[GroupColumn], variables: Iterable[str]
) -> list[ColumnElement[Any]]:
    """The columns that tell groups apart, on this session's database."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    values = [
        cast(calls.c.variables.op("->")(literal(f'$."{key}"' if on_sqlite else key, String)), Text) for key in variables
    ]
    return [*(_GROUPS[name] for name in columns), *values]


async def summed(
    session: AsyncSession, scope: Scope, grain_ms: int | None, measured: Sequence[Column]
) -> Sequence[Any]:
    """Rows of: the grain's number or 0, the groups, how many calls, and for each column the count of its values, their
    sum, least and greatest."""
    grain = literal(0) if grain_ms is None else _CREATED_MS // grain_ms
    inner = _named([grain, *scope.groups, *(type_coerce(MEASURES[name].column, BigInteger) for name in measured)])
    within = inner.where(*_of(scope, calls.c.created_at)).subquery()
    first = 1 + len(scope.groups)
    keys = list(within.c)[:first]
    figures = [figure for value in list(within.c)[first:] for figure in _figures(value)]
    return (await session.execute(select(*keys, func.count(), *figures).group_by(*keys))).all()


async def spans(session: AsyncSession, scope: Scope, now: datetime) -> Sequence[Any]:
    """Rows of: begin and end of each call that was on in the scope's time, and its groups. Calls that go on have no
    end: it is now."""
    wanted = select(_STARTED_MS, _ENDED_MS, *scope.groups).where(
        calls.c.organisation_id == scope.organisation_id,
        calls.c.started_at < scope.end,
        (calls.c.ended_at > scope.start) | (calls.c.ended_at.is_(None) & (calls.c.status != "ended")),
    )
    rows = await session.execute(wanted)
    return [(moment(begin), now if end is None else moment(end), tuple(groups)) for begin, end, *groups in rows]


async def values(session: AsyncSession, scope: Scope, column: Column, limit: int) -> Sequence[Any]:
    """Rows of: when a call was made, its value, and its groups; the oldest first."""
    measure = type_coerce(MEASURES[column].column, BigInteger)
    wanted = select(_CREATED_MS, measure, *scope.groups).where(*_of(scope, calls.c.created_at), measure.is_not(None))
    rows = await session.execute(wanted.order_by(calls.c.created_at, calls.c.id).limit(limit))
    return [(moment(at), value, tuple(groups)) for at, value, *groups in rows]


def _named(columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    # Grouped outside by name: PostgreSQL takes two parameters of the same value for different expressions.
    return select(*(column.label(f"column_{index}") for index, column in enumerate(columns)))


def _figures(value: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [func.count(value), func.coalesce(func.sum(value), 0), func.min(value), func.max(value)]


def _of(scope: Scope, at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    return [calls.c.organisation_id == scope.organisation_id, at >= scope.start, at < scope.end]
