"""The two forms of a list: a plain array, and a page with its metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import AfterValidator

from gateway.store.listing import ListQuery

LIMIT = 100
"""Of a list whose request names none."""


def _in_utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a valid ISO 8601 date string") from None


Time = Annotated[datetime | None, AfterValidator(_in_utc)]


def _filter(relation: str) -> Any:
    return Query(alias=relation, description=f"ISO 8601. {relation[:9]} {_RELATIONS[relation[9:]]} this.")


_RELATIONS = {"Gt": "after", "Lt": "before", "Ge": "at or after", "Le": "at or before"}


def list_query(
    limit: Annotated[int, Query(ge=0, le=1000, description="The most items that are returned.")] = LIMIT,
    created_at_gt: Annotated[Time, _filter("createdAtGt")] = None,
    created_at_lt: Annotated[Time, _filter("createdAtLt")] = None,
    created_at_ge: Annotated[Time, _filter("createdAtGe")] = None,
    created_at_le: Annotated[Time, _filter("createdAtLe")] = None,
    updated_at_gt: Annotated[Time, _filter("updatedAtGt")] = None,
    updated_at_lt: Annotated[Time, _filter("updatedAtLt")] = None,
    updated_at_ge: Annotated[Time, _filter("updatedAtGe")] = None,
    updated_at_le: Annotated[Time, _filter("updatedAtLe")] = None,
) -> ListQuery:
    """`limit` and the eight time filters."""
    return ListQuery(
        limit=limit,
        created_at_gt=created_at_gt,
        created_at_lt=created_at_lt,
        created_at_ge=created_at_ge,
        created_at_le=created_at_le,
        updated_at_gt=updated_at_gt,
        updated_at_lt=updated_at_lt,
        updated_at_ge=updated_at_ge,
        updated_at_le=updated_at_le,
    )


Listed = Annotated[ListQuery, Depends(list_query)]
"""The query of a list that is a plain array."""


@dataclass(frozen=True, slots=True)
class Page:
    """The query of a list that is a page: the first is 1."""

    query: ListQuery
    number: int

    def where(self, **conditions: str | Sequence[str] | None) -> Page:
        """The same, with columns that must be equal."""
        return replace(self, query=replace(self.query, where={**self.query.where, **conditions}))

    def ids(self, ids: Sequence[str] | None) -> Page:
        """The same, of these only."""
        return replace(self, query=replace(self.query, ids=ids))

    def search(self, part: str | None) -> Page:
        """The same, with `part` in the name or number."""
        return replace(self, query=replace(self.query, search=part))

    def shown(self, results: Sequence[Mapping[str, Any]], total: int) -> dict[str, Any]:
        """The page object.

        :param total: items on all pages
        """
        limit = self.query.limit
        pages = -(-total // limit) if limit else 0
        return {
            "results": list(results),
            "metadata": {
                "itemsPerPage": limit,
                "totalItems": total,
                "currentPage": self.number,
                "totalPages": pages,
                "hasNextPage": self.number < pages,
                "sortOrder": self.query.order,
            },
        }


def page_query(
    query: Listed,
    page: Annotated[int, Query(ge=1, le=1_000_000, description="The first page is 1.")] = 1,
    sort_order: Annotated[Literal["ASC", "DESC"], Query(alias="sortOrder")] = "DESC",
    sort_by: Annotated[str, Query(alias="sortBy", description="createdAt or updatedAt.")] = "createdAt",
) -> Page:
    """`list_query` with page and order. What cannot be sorted by is sorted by creation, because clients ask for
    columns that each resource has its own set of."""
    by: Literal["createdAt", "updatedAt"] = "updatedAt" if sort_by == "updatedAt" else "createdAt"
    return Page(replace(query, order=sort_order, sort_by=by), page)


Paged = Annotated[Page, Depends(page_query)]
