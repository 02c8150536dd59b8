"""What a list shows: time filters, limit, order, and columns that must be equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, Table, false

from gateway.store.columns import searchable

Order = Literal["ASC", "DESC"]
SortBy = Literal["createdAt", "updatedAt"]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """`where` holds columns of the table, or paths in the body such as `customer.number`; a sequence is a choice. `ids`
    is a choice of ids, None for all. `search` is a part of the name or number, of any case."""

    limit: int = 100
    created_at_gt: datetime | None = None
    created_at_lt: datetime | None = None
    created_at_ge: datetime | None = None
    created_at_le: datetime | None = None
    updated_at_gt: datetime | None = None
    updated_at_lt: datetime | None = None
    updated_at_ge: datetime | None = None
    updated_at_le: datetime | None = None
    ids: Sequence[str] | None = None
    where: Mapping[str, str | Sequence[str] | None] = field(default_factory=dict)
    search: str | None = None
    order: Order = "DESC"
    sort_by: SortBy = "createdAt"


_TIMES = tuple(
    f"{column}_{relation}" for column in ("created_at", "updated_at") for relation in ("gt", "lt", "ge", "le")
)


def conditions(table: Table, query: ListQuery) -> list[ColumnElement[bool]]:
    """What a row must fulfil, apart from its organisation and kind."""
    found = [_compared(table, name, at) for name in _TIMES if (at := getattr(query, name)) is not None]
    if query.ids is not None:
        found.append(_equals(table.c.id, query.ids))
    found += [_equals(_column(table, name), value) for name, value in query.where.items() if value is not None]
    if query.search:
        part = searchable(query.search)
        columns = [table.c[name] for name in ("name", "number", "sip_uri") if name in table.c]
        found.append(_contains(columns, part) if part else false())
    return found


def ordered(statement: Select[Any], table: Table, query: ListQuery) -> Select[Any]:
    """Newest first, or as the query wants it."""
    at = table.c.updated_at if query.sort_by == "updatedAt" else table.c.created_at
    if query.order == "ASC":
        return statement.order_by(at.asc(), table.c.id.asc())
    return statement.order_by(at.desc(), table.c.id.desc())


def _compared(table: Table, name: str, at: datetime) -> ColumnElement[bool]:
    column, relation = table.c[name[:-3]], name[-2:]
    compared: Mapping[str, ColumnElement[bool]] = {
        "gt": column > at,
        "lt": column < at,
        "ge": column >= at,
        "le": column <= at,
    }
    return compared[relation]


def _column(table: Table, name: str) -> ColumnElement[Any]:
    if name in table.c:
        return table.c[name]
    element: Any = table.c.body
    for step in name.split("."):
        element = element[step]
    text: ColumnElement[Any] = element.as_string()
    return text


def _equals(column: ColumnElement[Any], wanted: str | Sequence[str]) -> ColumnElement[bool]:
    if isinstance(wanted, str):
        value = searchable(wanted)
        return false() if value is None else column == value
    return column.in_([value for one in wanted if (value := searchable(one)) is not None])


def _contains(columns: Sequence[ColumnElement[Any]], part: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = false()
    for column in columns:
        found = found | column.icontains(part, autoescape=True)
    return found
