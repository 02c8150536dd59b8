"""What a call cost, as rows with Vapi's names that add up exactly.

Each row is rounded to a millionth of a dollar, and the sums are sums of rows: sum(costs) == breakdown.total == cost.
A price that is not known makes no guess: the row costs 0 and has a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, SerializerFunctionWrapHandler, model_serializer
from pydantic.alias_generators import to_camel, to_snake

from gateway.call.prices import PriceBook
from gateway.providers.usage import Stage, Usage, read_usage

AnalysisType = Literal["summary", "structuredData", "successEvaluation", "structuredOutput"]
_STEP = Decimal("0.000001")
_MINUTES_STEP = Decimal("0.0001")
_ANALYSES: Sequence[AnalysisType] = ("summary", "structuredData", "successEvaluation", "structuredOutput")

Number = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
"""Exact here, a number in JSON: its shortest form has the same digits."""


class Part(BaseModel):
    """A part of a record with Vapi's field names."""

    model_config = ConfigDict(
        extra="ignore", alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, frozen=True
    )

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None}


class Cost(Part):
    """A row of costs[]. `transcriber`, `model` and `voice` name the provider and its model; only the fields of the
    row's type are there. `assistant_name` is the member of a squad that used it. `cost` is USD; a `note` says why it
    may not be the whole."""

    type: Literal["transport", "transcriber", "model", "voice", "vapi", "analysis"]
    assistant_name: str | None = None
    analysis_type: AnalysisType | None = None
    provider: str | None = None
    sub_type: Literal["normal"] | None = None
    transcriber: Mapping[str, str] | None = None
    model: Mapping[str, str] | None = None
    voice: Mapping[str, str] | None = None
    minutes: Number | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_prompt_tokens: int | None = None
    characters: int | None = None
    cost: Number
    note: str | None = None


class AnalysisCostBreakdown(Part):
    """What the questions after the call cost, USD, and their tokens."""

    summary: Number = Decimal(0)
    summary_prompt_tokens: int = 0
    summary_completion_tokens: int = 0
    summary_cached_prompt_tokens: int = 0
    structured_data: Number = Decimal(0)
    structured_data_prompt_tokens: int = 0
    structured_data_completion_tokens: int = 0
    structured_data_cached_prompt_tokens: int = 0
    success_evaluation: Number = Decimal(0)
    success_evaluation_prompt_tokens: int = 0
    success_evaluation_completion_tokens: int = 0
    success_evaluation_cached_prompt_tokens: int = 0
    structured_output: Number = Decimal(0)
    structured_output_prompt_tokens: int = 0
    structured_output_completion_tokens: int = 0
    structured_output_cached_prompt_tokens: int = 0


class CostBreakdown(Part):
    """The same by part, USD, and the amounts. The parts and the analysis add up to `total`."""

    transport: Number = Decimal(0)
    stt: Number = Decimal(0)
    llm: Number = Decimal(0)
    tts: Number = Decimal(0)
    vapi: Number = Decimal(0)
    total: Number = Decimal(0)
    llm_prompt_tokens: int = 0
    llm_completion_tokens: int = 0
    llm_cached_prompt_tokens: int = 0
    tts_characters: int = 0
    analysis_cost_breakdown: AnalysisCostBreakdown | None = None


def costs_of(
    usages: Iterable[Usage],
    seconds: Decimal | None,
    trunk: str | None,
    prices: PriceBook,
    *,
    analysis: Iterable[Mapping[str, Any]] = (),
    transport: str = "vapi.sip",
    second_legs: Iterable[tuple[str | None, Decimal]] = (),
) -> list[Cost]:
    """The rows of a call: line, what was used of the providers, platform where it has a price, analysis.

    :param seconds: from answer to end; None when it was not answered
    :param trunk: the call's trunk, whose name is the provider of the line
    :param analysis: usage rows of the questions after the call, each with its `analysisType`
    :param transport: what the call came by, as Vapi names it
    :param second_legs: trunk and seconds of each human that a transfer called
    """
    minutes = Decimal(0) if seconds is None else seconds / 60
    rows = [_ROWS[usage.stage](usage, prices.cost(usage, minutes)) for usage in usages]
    if seconds is not None:
        shown = _rounded(minutes, _MINUTES_STEP)
        lines = [(trunk, minutes), *((other, spent / 60) for other, spent in second_legs)]
        rows[:0] = [row for by, spent in lines if (row := _line(by, spent, transport, prices)) is not None]
        platform = prices.price("platform", "parley", "", "minute", minutes)
        if platform is not None:
            rows.append(Cost(type="vapi", sub_type="normal", minutes=shown, cost=_rounded(minutes * platform)))
    return rows + [_analysis(row, minutes, prices) for row in analysis if row.get("analysisType") in _ANALYSES]


def _line(trunk: str | None, minutes: Decimal, transport: str, prices: PriceBook) -> Cost | None:
    """What a line cost; None where no price is known."""
    price = prices.price("telephony", trunk or "direct", "", "minute", minutes)
    if price is None:
        return None
    shown = _rounded(minutes, _MINUTES_STEP)
    return Cost(type="transport", provider=transport, minutes=shown, cost=_rounded(minutes * price))


def breakdown_of(costs: Sequence[Cost]) -> CostBreakdown:
    """The sums of the rows."""
    return CostBreakdown(
        transport=_sum(costs, "transport"),
        stt=_sum(costs, "transcriber"),
        llm=_sum(costs, "model"),
        tts=_sum(costs, "voice"),
        vapi=_sum(costs, "vapi"),
        total=sum((row.cost for row in costs), Decimal(0)),
        llm_prompt_tokens=sum(row.prompt_tokens or 0 for row in costs if row.type == "model"),
        llm_completion_tokens=sum(row.completion_tokens or 0 for row in costs if row.type == "model"),
        llm_cached_prompt_tokens=sum(row.cached_prompt_tokens or 0 for row in costs if row.type == "model"),
        tts_characters=sum(row.characters or 0 for row in costs),
        analysis_cost_breakdown=_analysed([row for row in costs if row.type == "analysis"]),
    )


def _analysed(costs: Sequence[Cost]) -> AnalysisCostBreakdown | None:
    if not costs:
        return None
    sums: dict[str, Any] = {}
    for kind in _ANALYSES:
        rows, name = [row for row in costs if row.analysis_type == kind], to_snake(kind)
        sums[name] = sum((row.cost for row in rows), Decimal(0))
        for amount in ("prompt_tokens", "completion_tokens", "cached_prompt_tokens"):
            sums[f"{name}_{amount}"] = sum(getattr(row, amount) or 0 for row in rows)
    return AnalysisCostBreakdown(**sums)


def _analysis(row: Mapping[str, Any], minutes: Decimal, prices: PriceBook) -> Cost:
    usage = read_usage(row)
    return _model(usage, prices.cost(usage, minutes)).model_copy(
        update={"type": "analysis", "analysis_type": row["analysisType"]}
    )


def _transcriber(usage: Usage, cost: Decimal | None) -> Cost:
    return Cost(type="transcriber", transcriber=_named(usage), minutes=_minutes(usage), **_priced(usage, cost))


def _model(usage: Usage, cost: Decimal | None) -> Cost:
    return Cost(
        type="model",
        model=_named(usage),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_prompt_tokens=usage.cached_prompt_tokens,
        **_priced(usage, cost),
    )


def _voice(usage: Usage, cost: Decimal | None) -> Cost:
    minutes = _minutes(usage) if usage.seconds else None
    return Cost(type="voice", voice=_named(usage), minutes=minutes, characters=usage.characters, **_priced(usage, cost))


_ROWS: Mapping[Stage, Callable[[Usage, Decimal | None], Cost]] = {
    "transcriber": _transcriber,
    "model": _model,
    "voice": _voice,
}


def _named(usage: Usage) -> dict[str, str]:
    return {"provider": usage.provider} | ({"model": usage.model} if usage.model else {})


def _priced(usage: Usage, cost: Decimal | None) -> dict[str, Any]:
    priced: dict[str, Any] = (
        {"cost": _rounded(cost)} if cost is not None else {"cost": Decimal(0), "note": unpriced(usage)}
    )
    return priced | ({"assistant_name": usage.member} if usage.member else {})


def unpriced(usage: Usage) -> str:
    """Why a usage has no cost."""
    name = f"{usage.provider} {usage.model}".strip()
    return f"No price is known for the {usage.stage} {name}: add it to the price book."


def _minutes(usage: Usage) -> Decimal:
    return _rounded(Decimal(str(usage.seconds)) / 60, _MINUTES_STEP)


def _rounded(amount: Decimal, step: Decimal = _STEP) -> Decimal:
    return amount.quantize(step, ROUND_HALF_UP)


def _sum(costs: Iterable[Cost], kind: str) -> Decimal:
    return sum((row.cost for row in costs if row.type == kind), Decimal(0))
