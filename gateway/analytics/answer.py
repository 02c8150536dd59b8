"""Answers questions about calls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.analytics.aggregates import Aggregate, Level, Simple, average, levels
from gateway.analytics.query import AnalyticsQuery, Column, Operation, span
from gateway.analytics.statements import MEASURES, Scope, group_columns, spans, summed, values
from gateway.analytics.steps import Step, beginning, following, grain_ms, label
from gateway.errors import BadRequest
from gateway.store.columns import moment, written

_MOST_ROWS = 20_000
_MOST_POINTS = 10_000
"""Of a history, or of all groups' histories together."""
_CONCURRENCY = "concurrency"
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""There are no calls before and after; and beyond lie times that some time zone cannot tell."""

Groups = tuple[Any, ...]
Key = tuple[datetime | None, Groups]
"""Where a step begins, in UTC, and the values of the groups."""


@dataclass(slots=True)
class _Answer:
    """The rows of one question while they are gathered."""

    path: str
    query: AnalyticsQuery
    start: datetime
    end: datetime
    zone: tzinfo
    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)

    @property
    def step(self) -> Step | None:
        return self.query.time_range.step

    def put(self, at: datetime | None, groups: Groups, operation: Operation, value: Any) -> None:
        row = self.rows.setdefault((at, groups), {})
        self.bound(len(self.rows))
        row.update(dict.fromkeys(operation.names, value))

    def bound(self, rows: int) -> None:
        if rows > _MOST_ROWS:
            raise BadRequest([f"{self.path}.timeRange.step makes more than {_MOST_ROWS} rows: take a longer one"])

    def step_of(self, at: datetime) -> datetime | None:
        """Where the step of a time begins, in UTC."""
        return None if self.step is None else beginning(at, self.step, self.zone).astimezone(UTC)

    def shown(self) -> list[dict[str, Any]]:
        names = [*self.query.group_by, *(one.key for one in self.query.group_by_variable_value)]
        count = len(self.query.group_by)
        found = []
        for (at, groups), row in sorted(self.rows.items(), key=_order):
            texts = [*groups[:count], *(None if text is None else json.loads(text) for text in groups[count:])]
            date = {"date": label(at.astimezone(self.zone), self.step)} if at and self.step else {}
            found.append({**date, **dict(zip(names, texts, strict=True)), **row})
        return found


async def answer(
    session: AsyncSession, organisation_id: str, query: AnalyticsQuery, now: datetime, *, path: str
) -> dict[str, Any]:
    """Vapi's AnalyticsQueryResult.

    :param path: of the question in the request
    :raises BadRequest: the steps are too small for the time range
    """
    start, end = span(query.time_range, now)
    first, last = (min(max(at, _FIRST), _LAST) for at in (start, end))
    gathered = _Answer(path, query, first, last, ZoneInfo(query.time_range.timezone))
    keys = [one.key for one in query.group_by_variable_value]
    scope = Scope(organisation_id, first, last, group_columns(session, query.group_by, keys))
    await _sum_up(session, scope, gathered)
    await _tell_histories(session, scope, gathered)
    if any(one.column == _CONCURRENCY for one in query.operations):
        _count_at_once(gathered, await spans(session, scope, now), now)
    told = {"start": written(start), "end": written(end), "step": query.time_range.step}
    shown = {name: value for name, value in told.items() if value} | {"timezone": query.time_range.timezone}
    return {"name": query.name, "timeRange": shown, "result": gathered.shown()}


async def _sum_up(session: AsyncSession, scope: Scope, gathered: _Answer) -> None:
    wanted = [one for one in gathered.query.operations if one.operation != "history" and one.column != _CONCURRENCY]
    if not wanted:
        return
    measured: list[Column] = list(dict.fromkeys(one.column for one in wanted if one.column != "id"))
    grain = None if gathered.step is None else grain_ms(gathered.step)
    found: dict[Key, Mapping[str, Aggregate]] = {}
    for row in await summed(session, scope, grain, measured):
        number, groups, figures = row[0], tuple(row[1 : 1 + len(scope.groups)]), row[1 + len(scope.groups) :]
        at = None if grain is None else gathered.step_of(moment(int(number) * grain))
        sums = found.setdefault((at, groups), {name: Aggregate() for name in ("id", *measured)})
        for name, aggregate in zip(("id", *measured), _aggregates(figures), strict=True):
            sums[name].add(aggregate)
    if not found and grain is None and not scope.groups:
        found[(None, ())] = {name: Aggregate() for name in ("id", *measured)}
    for (at, groups), sums in found.items():
        for one in wanted:
            unit = 1 if one.column == "id" else MEASURES[one.column].unit
            gathered.put(at, groups, one, sums[one.column].value(cast(Simple, one.operation), unit))


def _aggregates(figures: Sequence[Any]) -> list[Aggregate]:
    calls = Aggregate(count=figures[0])
    quads = [figures[index : index + 4] for index in range(1, len(figures), 4)]
    return [calls, *(Aggregate(count, int(total), least, greatest) for count, total, least, greatest in quads)]


async def _tell_histories(session: AsyncSession, scope: Scope, gathered: _Answer) -> None:
    for one in gathered.query.operations:
        if one.operation != "history" or one.column == _CONCURRENCY:
            continue
        unit = MEASURES[one.column].unit
        points: dict[Key, list[dict[str, Any]]] = {}
        for at, value, groups in await values(session, scope, one.column, _MOST_POINTS):
            point = {"date": written(at), "value": value if unit == 1 else value / unit}
            points.setdefault((gathered.step_of(at), groups), []).append(point)
        for (at, groups), told in points.items():
            gathered.put(at, groups, one, told)
        if not points and gathered.step is None and not scope.groups:
            gathered.put(None, (), one, [])


def _count_at_once(gathered: _Answer, found: Sequence[Any], now: datetime) -> None:
    by_groups: dict[Groups, list[tuple[datetime, datetime]]] = {}
    for begin, over, groups in found:
        by_groups.setdefault(groups, []).append((begin, over))
    if not by_groups and not gathered.query.group_by and not gathered.query.group_by_variable_value:
        by_groups[()] = []
    end = max(gathered.start, min(gathered.end, now))
    for groups, times in by_groups.items():
        stairs = levels(times, gathered.start, end)
        for at, part, until in _by_step(gathered, stairs, end):
            for one in gathered.query.operations:
                if one.column == _CONCURRENCY:
                    gathered.put(at, groups, one, _concurrency(one, part, until))


def _by_step(
    gathered: _Answer, stairs: Sequence[Level], end: datetime
) -> list[tuple[datetime | None, list[Level], datetime]]:
    """The stairs of each step in which there were calls, and where the step ends."""
    step = gathered.step
    if step is None:
        return [(None, list(stairs), end)]
    parts: dict[datetime, tuple[list[Level], datetime]] = {}
    ends = [*(level.at for level in stairs[1:]), end]
    for level, until in zip(stairs, ends, strict=True):
        at = level.at
        while at < until:
            start = beginning(at, step, gathered.zone)
            key, after = start.astimezone(UTC), following(start, step, gathered.zone).astimezone(UTC)
            if key not in parts:
                if not level.calls:
                    break  # and nothing in the steps until the next level
                parts[key] = ([], min(after, end))
                gathered.bound(len(parts))
                if at > max(key, gathered.start):
                    parts[key][0].append(Level(max(key, gathered.start), 0))
            parts[key][0].append(Level(at, level.calls))
            at = after
    return [(at, part, until) for at, (part, until) in parts.items()]


def _concurrency(one: Operation, part: list[Level], until: datetime) -> Any:
    if one.operation == "history":
        return [{"date": written(level.at), "value": level.calls} for level in part[:_MOST_POINTS]]
    if one.operation == "avg":
        return average(part, until)
    counts = [level.calls for level in part]
    return max(counts) if one.operation == "max" else min(counts)


def _order(item: tuple[Key, object]) -> tuple[datetime, list[str]]:
    at, groups = item[0]
    return at or datetime.min.replace(tzinfo=UTC), [str(group) for group in groups]
