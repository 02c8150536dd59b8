"""The price book of an organisation: its own entries, then those of the settings, then list prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.call.prices import Price, PriceBook
from gateway.store.calls import minutes_between
from gateway.store.entities import Entities, Kind
from gateway.store.listing import ListQuery

_MOST = 10_000


async def prices_of(session: AsyncSession, organisation_id: str) -> Sequence[Price]:
    """What the organisation keeps at `/price`, the newest first: a new entry wins over an older one."""
    kept = await Entities(session, organisation_id).list(Kind.PRICE, ListQuery(limit=_MOST))
    return [Price.model_validate(entity.body) for entity in kept]


async def price_book(
    session: AsyncSession, organisation_id: str, configured: Iterable[Price], *, at: datetime
) -> PriceBook:
    """The prices of a call that began at a time.

    :param configured: `prices` of the settings
    """
    own = [*await prices_of(session, organisation_id), *configured]
    before = Decimal(0)
    if any(price.tiers for price in own):
        before = await minutes_between(session, organisation_id, month_of(at), at)
    return PriceBook(own, minutes_before=before)


def month_of(at: datetime) -> datetime:
    """The beginning of its month in UTC, in which tiers count minutes."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def shown(prices: Iterable[Price]) -> list[dict[str, Any]]:
    """As JSON: in the plan of a call, for its budget."""
    return [price.model_dump(mode="json", by_alias=True, exclude_defaults=True) for price in prices]
