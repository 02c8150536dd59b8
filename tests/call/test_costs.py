"""The rows of a call's cost, and that they add up."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.call.costs import breakdown_of, costs_of
from gateway.call.journal import Entry
from gateway.call.prices import Price, PriceBook
from gateway.call.record import CallRecord, build_record
from gateway.providers.usage import Usage, UsageBook
from tests.call.test_record import CALL, ENDED

USED = [
    Usage("transcriber", "deepgram", "nova-3", seconds=31.5),
    Usage("model", "openai", "gpt-4.1-mini", prompt_tokens=900, cached_prompt_tokens=300, completion_tokens=70),
    Usage("voice", "11labs", "eleven_flash_v2_5", characters=321),
]
LINE = [
    Price.model_validate({"component": "telephony", "provider": "office", "unit": "minute", "price": "0.008"}),
    Price.model_validate({"component": "platform", "unit": "minute", "price": "0.05"}),
]


def journal(*rows: list[dict[str, Any]]) -> list[Entry]:
    answered = Entry(0, "answered", {"at": "2030-01-01T10:00:01+00:00"})
    used = [Entry(1000 * index, "usage", {"rows": row}) for index, row in enumerate(rows, 1)]
    return [CALL, answered, *used, Entry(30_000, "ended", ENDED)]


def rows(*usages: Usage) -> list[dict[str, Any]]:
    book = UsageBook()
    for usage in usages:
        book.add(usage)
    return book.rows()


def test_the_rows_have_vapis_names() -> None:
    record = build_record(journal(rows(*USED)))
    assert record is not None
    shown = json.loads(record.model_dump_json())
    assert shown["costs"] == [
        {
            "type": "transcriber",
            "transcriber": {"provider": "deepgram", "model": "nova-3"},
            "minutes": 0.525,
            "cost": 0.00252,
        },
        {
            "type": "model",
            "model": {"provider": "openai", "model": "gpt-4.1-mini"},
            "promptTokens": 900,
            "completionTokens": 70,
            "cachedPromptTokens": 300,
            "cost": 0.000382,
        },
        {
            "type": "voice",
            "voice": {"provider": "11labs", "model": "eleven_flash_v2_5"},
            "characters": 321,
            "cost": 0.01284,
        },
    ]
    assert shown["cost"] == 0.015742
    assert shown["cost_breakdown"] == {
        "transport": 0,
        "stt": 0.00252,
        "llm": 0.000382,
        "tts": 0.01284,
        "vapi": 0,
        "total": 0.015742,
        "llmPromptTokens": 900,
        "llmCompletionTokens": 70,
        "llmCachedPromptTokens": 300,
        "ttsCharacters": 321,
    }


def test_the_last_entry_counts_because_it_holds_those_before() -> None:
    record = build_record(journal(rows(USED[0]), rows(*USED)))
    assert record is not None
    assert [row.type for row in record.costs] == ["transcriber", "model", "voice"]


def test_line_and_platform_are_there_where_they_have_a_price() -> None:
    costs = costs_of(USED, Decimal(30), "office", PriceBook(LINE))
    assert (costs[0].type, costs[0].minutes, costs[0].cost) == ("transport", Decimal("0.5"), Decimal("0.004"))
    assert (costs[-1].type, costs[-1].sub_type, costs[-1].cost) == ("vapi", "normal", Decimal("0.025"))
    breakdown = breakdown_of(costs)
    assert (breakdown.transport, breakdown.vapi) == (Decimal("0.004"), Decimal("0.025"))
    assert [row.type for row in costs_of([], Decimal(30), "other", PriceBook(LINE))] == ["vapi"]


def test_a_call_that_nobody_answered_pays_what_was_prepared_for_it() -> None:
    assert [row.type for row in costs_of([USED[2]], None, "office", PriceBook(LINE))] == ["voice"]


def test_an_unknown_price_costs_nothing_and_says_so() -> None:
    (row,) = costs_of([Usage("model", "custom-llm", "mine", prompt_tokens=5)], Decimal(1), None, PriceBook())
    assert row.cost == 0
    assert row.note == "No price is known for the model custom-llm mine: add it to the price book."


def test_each_member_of_a_squad_has_rows_of_its_own() -> None:
    used = [replace(usage, member=member) for member in ("Greeter", "Booker") for usage in USED]
    shown = [json.loads(row.model_dump_json()) for row in costs_of(used, None, None, PriceBook())]
    assert [row["assistantName"] for row in shown] == ["Greeter"] * 3 + ["Booker"] * 3


def test_the_questions_after_a_call_are_rows_and_a_breakdown_of_their_own() -> None:
    (asked,) = rows(USED[1])
    analysis = [{"analysisType": kind, **asked} for kind in ("summary", "structuredOutput", "odd")]
    costs = costs_of(USED, None, None, PriceBook(), analysis=analysis)
    assert json.loads(costs[-1].model_dump_json()) == {
        "type": "analysis",
        "analysisType": "structuredOutput",
        "model": {"provider": "openai", "model": "gpt-4.1-mini"},
        "promptTokens": 900,
        "completionTokens": 70,
        "cachedPromptTokens": 300,
        "cost": 0.000382,
    }
    breakdown = breakdown_of(costs)
    parts = breakdown.analysis_cost_breakdown
    assert parts is not None
    assert (parts.summary, parts.structured_output, parts.structured_data) == (
        costs[-2].cost,
        costs[-1].cost,
        Decimal(0),
    )
    assert parts.summary_prompt_tokens == 900
    assert breakdown.llm_prompt_tokens == 900
    assert (
        breakdown.total
        == sum(row.cost for row in costs)
        == breakdown.stt + breakdown.llm + breakdown.tts + (parts.summary + parts.structured_output)
    )


PROVIDERS = ["deepgram", "openai", "11labs", "custom-llm", "hibari", "gladia"]
USAGES = st.builds(
    Usage,
    stage=st.sampled_from(["transcriber", "model", "voice"]),
    provider=st.sampled_from(PROVIDERS),
    model=st.sampled_from(["nova-3", "gpt-4.1-mini", "gpt-4o-mini-tts", ""]),
    seconds=st.floats(0, 4000).map(lambda seconds: round(seconds, 3)),
    characters=st.integers(0, 100_000),
    prompt_tokens=st.integers(10_000, 10_000_000),
    cached_prompt_tokens=st.integers(0, 10_000),
    completion_tokens=st.integers(0, 1_000_000),
)


@given(st.lists(USAGES, max_size=20), st.integers(0, 10_000_000))
def test_the_rows_add_up_exactly_also_when_read_back(usages: list[Usage], duration_ms: int) -> None:
    used = rows(*usages)
    entries = journal(used)
    record = build_record(entries, PriceBook(LINE))
    assert record is not None
    for one in (record, CallRecord.model_validate_json(record.model_dump_json())):
        assert sum(row.cost for row in one.costs) == one.cost_breakdown.total == one.cost
        parts = one.cost_breakdown
        assert parts.transport + parts.stt + parts.llm + parts.tts + parts.vapi == one.cost
    shown = json.loads(record.model_dump_json(), parse_float=Decimal)
    assert sum(Decimal(row["cost"]) for row in shown["costs"]) == Decimal(shown["cost"])


def test_a_human_who_was_called_for_a_transfer_is_one_more_line() -> None:
    book = PriceBook(LINE[:1])
    told = [
        Entry(2_000, "transfer", {"status": "requested", "destination": {"number": "200"}}),
        Entry(3_000, "transfer", {"status": "answered", "trunk": "office"}),
        Entry(4_000, "transfer-usage", {"of": "transfer-1", "rows": rows(USED[2])}),
        Entry(5_000, "transfer", {"status": "connected"}),
        Entry(18_000, "transfer", {"status": "completed"}),
    ]
    entries = journal()
    record = build_record([*entries[:2], *told, *entries[2:]], book)
    assert record is not None
    lines = [row for row in record.costs if row.type == "transport"]
    assert [(row.minutes, row.cost) for row in lines] == [(Decimal("0.2500"), Decimal("0.002000"))]
    assert [row.characters for row in record.costs if row.type == "voice"] == [321]
    assert record.cost == sum(row.cost for row in record.costs)


def test_a_second_leg_that_never_ended_counts_to_the_end_of_the_call() -> None:
    told = [Entry(3_000, "transfer", {"status": "answered", "trunk": "office"})]
    entries = journal()
    record = build_record([*entries[:2], *told, *entries[2:]], PriceBook(LINE[:1]))
    assert record is not None
    assert [row.minutes for row in record.costs if row.type == "transport"] == [Decimal("0.4500")]
