from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.analytics.price_book import price_book
from gateway.call.prices import Price
from gateway.store.calls import Calls
from gateway.store.database import Database
from gateway.store.entities import Entities, Kind
from gateway.store.listing import ListQuery
from tests.messages.journals import whole_call
from tests.messages.stored import intake_of, new

STT: dict[str, Any] = {"component": "stt", "provider": "deepgram", "unit": "minute"}
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
pytestmark = pytest.mark.both_databases


async def _price(database: Database, configured: list[Price]) -> Decimal | None:
    async with database.reading() as session:
        book = await price_book(session, database.default_organisation_id, configured, at=AT)
    return book.price("stt", "deepgram", "nova-3", "minute")


async def test_the_organisations_newest_entry_wins_over_settings_and_list(database: Database) -> None:
    configured = [Price.model_validate({**STT, "price": "0.003"})]
    assert await _price(database, []) == Decimal("0.0048")
    assert await _price(database, configured) == Decimal("0.003")
    for price in (0.002, 0.001):
        async with database.transaction() as session:
            await Entities(session, database.default_organisation_id).create(Kind.PRICE, {**STT, "price": price})
    assert await _price(database, configured) == Decimal("0.001")


async def test_tiers_count_the_minutes_of_the_month_before_the_call(database: Database) -> None:
    tiers = [{"fromMinutes": 0, "price": 0.005}, {"fromMinutes": 90, "price": 0.004}, {"fromMinutes": 200, "price": 0}]
    async with database.transaction() as session:
        organisation_id = database.default_organisation_id
        await Entities(session, organisation_id).create(Kind.PRICE, {**STT, "tiers": tiers})
        for hour in ("2026-10-31T23", "2026-11-01T00", "2026-11-23T11", "2026-11-23T12"):
            times = {"startedAt": f"{hour}:00:00Z", "endedAt": f"{hour}:50:00Z"}
            call = {"type": "webCall", "status": "ended", **times}
            await Calls(session, organisation_id).create(call)
    assert await _price(database, []) == Decimal("0.004"), "100 minutes of two calls"


async def test_a_call_is_billed_by_its_organisations_prices(database: Database) -> None:
    organisation_id = database.default_organisation_id
    line = {"component": "telephony", "provider": "*", "unit": "minute", "price": 6}
    async with database.transaction() as session:
        await Entities(session, organisation_id).create(Kind.PRICE, line)
    configured = [Price.model_validate({"component": "platform", "unit": "minute", "price": 60})]
    await intake_of(database, prices=configured).append(new(whole_call().events))
    async with database.reading() as session:
        (row,) = await Calls(session, organisation_id).list(ListQuery())
    costs = {one["type"]: one["cost"] for one in row.body["costs"]}
    assert (costs["transport"], costs["vapi"]) == (0.8, 8), "8 seconds"
    assert row.cost == sum(Decimal(str(one["cost"])) for one in row.body["costs"])
