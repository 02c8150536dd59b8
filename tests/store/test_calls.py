from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import Conflict, NotFound
from gateway.store.calls import Calls, call_columns, calls_in, find_call
from gateway.store.listing import ListQuery

NEW = {"type": "outboundPhoneCall", "status": "queued", "assistantId": "a", "customer": {"number": "+15550100000"}}
ENDED: dict[str, Any] = {
    "status": "ended",
    "startedAt": "2026-11-23T01:00:00.000Z",
    "endedAt": "2026-11-23T01:01:30.500Z",
    "endedReason": "customer-ended-call",
    "cost": 0.123457,
    "costBreakdown": {
        "llm": 0.1,
        "total": 0.123457,
        "llmPromptTokens": 12,
        "analysisCostBreakdown": {"summary": 0.01, "structuredData": 0.002, "summaryPromptTokens": 5},
    },
    "analysis": {"successEvaluation": "true"},
    "artifact": {"variableValues": {"city": "Oslo"}},
}


async def test_a_call_lives_from_queued_to_ended(session: AsyncSession, organisation_id: str) -> None:
    calls = Calls(session, organisation_id)
    made = await calls.create(NEW, gateway="g")
    ended = await calls.update(made.id, ENDED)
    assert await calls.get(made.id) == ended
    assert ended.body == {**NEW, **ENDED}
    assert (ended.duration_ms, ended.cost, ended.gateway) == (90_500, Decimal("0.123457"), "g")
    assert ended.started_at == datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert ended.shown()["id"] == made.id


async def test_another_organisation_sees_nothing(
    session: AsyncSession, organisation_id: str, other_organisation_id: str
) -> None:
    made = await Calls(session, organisation_id).create(NEW)
    foreign = Calls(session, other_organisation_id)
    assert await foreign.list(ListQuery()) == []
    with pytest.raises(NotFound):
        await foreign.get(made.id)
    with pytest.raises(NotFound):
        await foreign.update(made.id, {"name": "mine"})
    with pytest.raises(NotFound):
        await foreign.delete(made.id)
    assert await find_call(session, made.id) == made


async def test_calls_are_listed_by_what_they_belong_to(session: AsyncSession, organisation_id: str) -> None:
    calls = Calls(session, organisation_id)
    first = await calls.create(NEW)
    second = await calls.create({**NEW, "assistantId": "b", "phoneNumberId": "p"})
    assert await calls.list(ListQuery()) == [second, first]
    assert await calls.list(ListQuery(where={"assistant_id": "a"})) == [first]
    assert await calls.list(ListQuery(where={"phone_number_id": "p", "assistant_id": None})) == [second]


async def test_a_call_is_made_once(session: AsyncSession, organisation_id: str) -> None:
    made = await Calls(session, organisation_id).create(NEW)
    with pytest.raises(Conflict):
        await Calls(session, organisation_id).create(NEW, id=made.id)


async def test_calls_that_wait_for_their_time_are_found_in_all_organisations(
    session: AsyncSession, organisation_id: str, other_organisation_id: str
) -> None:
    scheduled = {"status": "scheduled", "schedulePlan": {"earliestAt": "2026-11-23T09:00:00Z"}}
    first = await Calls(session, organisation_id).create({**NEW, **scheduled})
    second = await Calls(session, other_organisation_id).create({**NEW, "status": "scheduled"})
    await Calls(session, organisation_id).create(NEW)
    before = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert await calls_in(session, ["scheduled"]) == [first, second]
    assert await calls_in(session, ["scheduled"], before=before) == [second]


def test_the_columns_follow_from_the_call_as_it_is_shown() -> None:
    columns = call_columns(ENDED)
    assert (columns["cost_llm"], columns["cost_stt"], columns["prompt_tokens"]) == (Decimal("0.1"), None, 12)
    assert (columns["cost_analysis"], columns["cost_summary"]) == (Decimal("0.012"), Decimal("0.01"))
    assert (columns["success_evaluation"], columns["variables"]) == ("true", {"city": "Oslo"})


@pytest.mark.parametrize(
    "odd",
    [{"cost": True}, {"cost": "much"}, {"startedAt": "soon"}, {"startedAt": 7}, {"customer": 7}, {"analysis": []}],
)
def test_what_is_not_as_expected_stands_in_no_column(odd: dict[str, Any]) -> None:
    assert set(call_columns(odd).values()) == {None, ""}
