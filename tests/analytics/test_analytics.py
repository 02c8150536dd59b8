"""`POST /analytics` over a database with calls of two days."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.store.calls import Calls
from gateway.store.columns import written
from tests.api.house import House, house

pytestmark = pytest.mark.both_databases
MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
WEEK = {"start": "2026-11-16T00:00:00Z", "end": "2026-11-23T00:00:00Z"}


def call(start: datetime, minutes: float, **fields: Any) -> dict[str, Any]:
    times = {"startedAt": written(start), "endedAt": written(start + timedelta(minutes=minutes))}
    return {"type": "inboundPhoneCall", "status": "ended", "assistantId": "a", **times, **fields}


CALLS = [
    call(MONDAY, 2, cost=0.25, costBreakdown={"llm": 0.1, "llmPromptTokens": 100}, endedReason="customer-ended-call"),
    call(
        MONDAY + timedelta(minutes=1),
        4,
        cost=0.75,
        costBreakdown={"llm": 0.2},
        endedReason="silence-timed-out",
        artifact={"variableValues": {"city": "Oslo", "vip": True}},
    ),
    call(
        MONDAY + timedelta(days=1),
        1,
        assistantId="b",
        cost=0.5,
        analysis={"successEvaluation": "true"},
        artifact={"variableValues": {"city": "Rome", "vip": 7}},
    ),
    {"type": "outboundPhoneCall", "status": "queued", "assistantId": "b"},
]


@pytest.fixture
async def api(tmp_path: Path, database_url: str) -> AsyncIterator[House]:
    async with house(tmp_path, database_url) as opened:
        async with opened.context.database.transaction() as session:
            calls = Calls(session, opened.organisation_id)
            for index, body in enumerate(CALLS):
                at = datetime.fromisoformat(body.get("startedAt", written(MONDAY + timedelta(days=2))))
                await calls.create(body, created_at=at + timedelta(milliseconds=index))
        yield opened


async def ask(api: House, *operations: tuple[str, str], **query: Any) -> list[dict[str, Any]]:
    wanted = [{"operation": operation, "column": column, "alias": operation} for operation, column in operations]
    body = {"table": "call", "name": "q", "timeRange": WEEK, "operations": wanted, **query}
    answered = await api.client.post("/analytics", json={"queries": [body]})
    assert answered.status_code == 200, answered.text
    result: list[dict[str, Any]] = answered.json()[0]["result"]
    return result


async def test_every_operation_on_a_column(api: House) -> None:
    (row,) = await ask(api, *((operation, "cost") for operation in ("sum", "avg", "count", "min", "max")))
    assert row == {"sum": 1.5, "avg": 0.5, "count": 3, "min": 0.25, "max": 0.75}


async def test_every_column(api: House) -> None:
    parts = ["llm", "stt", "tts", "vapi", "transport", "transcriber", "analysisBreakdown.summary", "ttsCharacters"]
    parts += ["llmPromptTokens", "llmCompletionTokens", "llmCachedPromptTokens"]
    columns = ["cost", "duration", "minutesUsed", *(f"costBreakdown.{part}" for part in parts)]
    wanted = [{"operation": "sum", "column": column} for column in columns]
    (row,) = await ask(api, operations=wanted)
    filled = {name: value for name, value in row.items() if value}
    assert filled == {
        "sumcost": 1.5,
        "sumCost": 1.5,
        "sumduration": 7,
        "sumDuration": 7,
        "summinutesUsed": 7,
        "sumMinutesUsed": 7,
        "sumcostBreakdown.llm": 0.3,
        "sumCostBreakdownLlm": 0.3,
        "sumcostBreakdown.llmPromptTokens": 100,
        "sumCostBreakdownLlmPromptTokens": 100,
    }


async def test_calls_are_grouped_by_columns_and_variables(api: House) -> None:
    assert await ask(api, ("count", "id"), groupBy=["assistantId", "status"]) == [
        {"assistantId": "a", "status": "ended", "count": 2},
        {"assistantId": "b", "status": "ended", "count": 1},
        {"assistantId": "b", "status": "queued", "count": 1},
    ]
    rows = await ask(api, ("count", "id"), groupByVariableValue=[{"key": "vip"}], groupBy="analysis.successEvaluation")
    values = [(row["vip"], row["analysis.successEvaluation"], row["count"]) for row in rows]
    assert sorted(values, key=str) == [(7, "true", 1), (None, None, 2), (True, None, 1)]


async def test_steps_follow_the_time_zone(api: House) -> None:
    days = await ask(api, ("count", "id"), timeRange={**WEEK, "step": "day"})
    assert [(row["date"], row["count"]) for row in days] == [("2026-11-16", 2), ("2026-11-17", 1), ("2026-11-18", 1)]
    apia = await ask(api, ("count", "id"), timeRange={**WEEK, "step": "hour", "timezone": "Pacific/Apia"})
    assert [row["date"] for row in apia] == [f"2026-11-{day}T22:00:00+13:00" for day in (16, 17, 18)]
    minutes = await ask(api, ("sum", "cost"), timeRange={**WEEK, "step": "minute"})
    assert [row["date"][11:] for row in minutes[:2]] == ["09:00:00Z", "09:01:00Z"]
    (all_,) = await ask(api, ("count", "id"), timeRange={**WEEK, "step": "millennium"})
    assert all_ == {"date": "2001-01-01", "count": 4}


async def test_calls_at_once_are_counted(api: House) -> None:
    monday = {"start": "2026-11-16T09:00:00Z", "end": "2026-11-16T09:10:00Z"}
    at_once = [(operation, "concurrency") for operation in ("max", "min", "avg")]
    (row,) = await ask(api, *at_once, timeRange=monday, table="subscription")
    assert row == {"max": 2, "min": 0, "avg": pytest.approx(0.6)}
    minutes = await ask(api, *at_once, timeRange={**monday, "step": "minute"})
    assert [(row["date"][14:16], row["max"]) for row in minutes] == [
        ("00", 1),
        ("01", 2),
        ("02", 1),
        ("03", 1),
        ("04", 1),
    ]
    (told,) = await ask(api, ("history", "concurrency"), timeRange=monday)
    assert [point["value"] for point in told["history"]] == [1, 2, 1, 0]


async def test_a_history_has_each_value(api: House) -> None:
    (row,) = await ask(api, ("history", "duration"))
    assert [point["value"] for point in row["history"]] == [2, 4, 1]
    assert row["history"][0]["date"] == "2026-11-16T09:00:00.000Z"


async def test_nothing_is_told_of_other_organisations_nor_other_times(api: House) -> None:
    query = {"table": "call", "name": "q", "operations": [{"operation": "count", "column": "id"}]}
    foreign = await api.stranger.post("/analytics", json={"queries": [{**query, "timeRange": WEEK}]})
    assert foreign.json()[0]["result"] == [{"countid": 0, "countId": 0}]
    assert await ask(
        api, ("count", "id"), timeRange={"start": "2030-01-01T00:00:00Z", "end": "2031-01-01T00:00:00Z"}
    ) == [{"count": 0}]
    assert (await api.public.post("/analytics", json={"queries": [query]})).status_code == 403


async def test_the_time_range_is_told_with_its_defaults(api: House) -> None:
    query = {"table": "call", "name": "q", "operations": [{"operation": "count", "column": "id"}]}
    told = (await api.client.post("/analytics", json={"queries": [query]})).json()[0]["timeRange"]
    start, end = (datetime.fromisoformat(told[name]) for name in ("start", "end"))
    assert (end - start, told["timezone"], "step" in told) == (timedelta(days=7), "UTC", False)


OPERATION = {"operation": "count", "column": "id"}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"table": "calls"}, "queries.0.table must be one of"),
        ({"name": "x" * 41}, "queries.0.name must be shorter"),
        ({"operations": []}, "queries.0.operations must contain at least"),
        (
            {"operations": [{"operation": "sum", "column": "id"}]},
            "queries.0.operations.0.operation must be one of count",
        ),
        ({"operations": [{"operation": "sum", "column": "size"}]}, "queries.0.operations.0.column must be one of"),
        ({"operations": [OPERATION, OPERATION]}, "queries.0.operations must have an alias each"),
        ({"groupBy": ["cost"]}, "queries.0.groupBy.0 must be one of"),
        ({"groupByVariableValue": [{"key": '"'}]}, "queries.0.groupByVariableValue.0.key must match"),
        ({"table": "subscription", "groupBy": ["type"]}, "queries.0.groupBy must be left out"),
        ({"timeRange": {"timezone": "Europe"}}, "queries.0.timeRange.timezone must be the name of a time zone"),
        ({"timeRange": {"timezone": "../etc"}}, "queries.0.timeRange.timezone must be the name of a time zone"),
        ({"timeRange": {"step": "fortnight"}}, "queries.0.timeRange.step must be one of"),
        ({"timeRange": {"start": "soon"}}, "queries.0.timeRange.start must be a valid ISO 8601"),
        ({"timeRange": {"start": WEEK["end"], "end": WEEK["start"]}}, "queries.0.timeRange.start must not be after"),
    ],
)
async def test_what_cannot_be_answered_is_told_with_its_path(
    tmp_path: Path, wrong: dict[str, Any], problem: str
) -> None:
    async with house(tmp_path) as opened:
        query = {"table": "call", "name": "q", "operations": [OPERATION], **wrong}
        answered = await opened.client.post("/analytics", json={"queries": [query]})
    assert answered.status_code == 400
    assert [told for told in answered.json()["message"] if told.startswith(problem)], answered.text


async def test_the_ends_of_time_are_no_fault(api: House) -> None:
    ages = {"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z", "step": "century", "timezone": "Asia/Tokyo"}
    rows = await ask(api, ("max", "concurrency"), ("count", "id"), timeRange=ages)
    assert rows == [{"date": "2001-01-01", "max": 2, "count": 4}]
