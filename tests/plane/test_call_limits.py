"""How many calls an organisation may have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.call.endings import CONCURRENCY_LIMIT
from gateway.errors import TooManyCalls
from gateway.store.calls import Calls
from gateway.store.entities import Kind
from gateway.store.listing import ListQuery
from gateway.store.organisations import update_organisation
from tests.call.leg_double import MemoryLeg, inbound
from tests.link.worker_double import until
from tests.plane.planned_house import TOKEN, PlannedHouse, planned_house

ASSISTANT = {"model": {"provider": "dialogue"}, "firstMessage": "hello there"}
BODY: dict[str, Any] = {"assistant": ASSISTANT, "customer": {"sipUri": "sip:bob@h"}}
URI = "sip:7001@pbx.example.com"


@pytest.fixture
async def h(tmp_path: Path) -> AsyncIterator[PlannedHouse]:
    """Its organisations may have two calls each."""
    async with planned_house(tmp_path, api={"link_token": TOKEN, "organisation_calls": 2}) as made:
        yield made


async def test_the_call_beyond_the_limit_is_refused_until_another_ends(h: PlannedHouse) -> None:
    first = await h.create(BODY)
    await h.create(BODY)
    with pytest.raises(TooManyCalls, match="has 2 calls, as many as its concurrency limit allows") as refusal:
        await h.create(BODY)
    assert (refusal.value.status, refusal.value.retry_after) == (429, 10)
    assert len(h.gateway.endpoint.dialled) == 2
    await h.plane.end_call(first["id"])
    await h.until_kind(first["id"], "ended")
    await h.create(BODY)


async def test_requests_that_come_at_once_do_not_pass_together(h: PlannedHouse) -> None:
    outcomes = await asyncio.gather(*(h.create(BODY) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, TooManyCalls) for one in outcomes) == 4


async def test_an_organisations_own_limit_is_lower_and_never_higher(h: PlannedHouse) -> None:
    async with h.database.transaction() as session:
        await update_organisation(session, h.organisation, {"concurrencyLimit": 1})
    await h.create(BODY)
    with pytest.raises(TooManyCalls, match="has 1 calls"):
        await h.create(BODY)


async def test_a_caller_beyond_the_limit_is_refused_and_told_of(h: PlannedHouse) -> None:
    assistant = await h.make(Kind.ASSISTANT, ASSISTANT)
    await h.make(Kind.PHONE_NUMBER, {"provider": "vapi", "sipUri": URI, "assistantId": assistant})
    for _ in range(2):
        await h.create(BODY)
    leg = h.gateway.call(MemoryLeg(inbound(called=URI, number="7001")))
    await until(lambda: leg.refused)
    assert leg.refused in [(503, seconds) for seconds in range(5, 31)]
    async with h.database.reading() as session:
        rows = await Calls(session, h.organisation).list(ListQuery())
    assert CONCURRENCY_LIMIT in {row.ended_reason for row in rows}


async def test_so_many_calls_begin_in_a_second(tmp_path: Path) -> None:
    async with planned_house(tmp_path, api={"link_token": TOKEN, "organisation_calls_per_second": 0.1}) as h:
        await h.create(BODY)
        with pytest.raises(TooManyCalls, match=r"begins 0\.1 calls a second"):
            await h.create(BODY)
