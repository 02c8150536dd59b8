"""The body of `POST /analytics`: Vapi's AnalyticsQueryDTO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from gateway.analytics.steps import Step
from gateway.api.bodies import Body
from gateway.api.listing import Time

Operator = Literal["sum", "avg", "count", "min", "max", "history"]
Column = Literal[
    "id",
    "cost",
    "costBreakdown.llm",
    "costBreakdown.stt",
    "costBreakdown.tts",
    "costBreakdown.vapi",
    "costBreakdown.transport",
    "costBreakdown.transcriber",
    "costBreakdown.analysisBreakdown.summary",
    "costBreakdown.ttsCharacters",
    "costBreakdown.llmPromptTokens",
    "costBreakdown.llmCompletionTokens",
    "costBreakdown.llmCachedPromptTokens",
    "duration",
    "concurrency",
    "minutesUsed",
]
GroupColumn = Literal["type", "assistantId", "endedReason", "analysis.successEvaluation", "status", "campaignId"]
_WEEK = timedelta(days=7)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones, such as Europe
        raise ValueError("must be the name of a time zone, such as Europe/Oslo") from None
    return name


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r'^[^"\\]+$')]
Alias = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class Operation(Body):
    """An aggregation of a column."""

    operation: Operator
    column: Column
    alias: Alias | None = None

    @property
    def names(self) -> Sequence[str]:
        """What its value is called in the result. Without an alias there are two spellings: clients written after
        Vapi's text expect `sumcost`, those after its example `sumCost`."""
        if self.alias is not None:
            return [self.alias]
        words = "".join(part[:1].upper() + part[1:] for part in self.column.split("."))
        return [f"{self.operation}{self.column}", f"{self.operation}{words}"]


class TimeRange(Body):
    """From `start`, the last seven days by default, to before `end`, now by default."""

    model_config = ConfigDict(strict=False)  # times come as texts

    start: Time = None
    end: Time = None
    step: Step | None = None
    timezone: Zone = "UTC"


class VariableValue(Body):
    """A variable of the call, by whose value is grouped."""

    key: Key


class AnalyticsQuery(Body):
    """One question."""

    table: Literal["call", "subscription"]
    name: Annotated[str, StringConstraints(max_length=40)]
    operations: list[Operation] = Field(min_length=1, max_length=50)
    group_by: Annotated[list[GroupColumn], BeforeValidator(_listed)] = Field(default_factory=list, max_length=5)
    group_by_variable_value: list[VariableValue] = Field(default_factory=list, max_length=10)
    time_range: TimeRange = Field(default_factory=TimeRange)


class AnalyticsBody(Body):
    """All questions of a request."""

    queries: list[AnalyticsQuery] = Field(min_length=1, max_length=100)


class AnalyticsResult(Body):
    """The answer to one question."""

    name: str
    time_range: dict[str, Any]
    result: list[dict[str, Any]]


def span(asked: TimeRange, now: datetime) -> tuple[datetime, datetime]:
    """Start and end of a time range."""
    end = asked.end or now
    earliest = datetime.min.replace(tzinfo=UTC)
    return asked.start or (end - _WEEK if end - earliest > _WEEK else earliest), end


_SENSIBLE: Mapping[str, Sequence[Operator]] = {"id": ("count",), "concurrency": ("avg", "min", "max", "history")}


def contradictions(queries: Sequence[AnalyticsQuery], now: datetime) -> list[str]:
    """What types and ranges do not tell, as sentences with their paths."""
    return [
        f"queries.{index}.{problem}" for index, query in enumerate(queries) for problem in _contradictions(query, now)
    ]


def _contradictions(query: AnalyticsQuery, now: datetime) -> list[str]:
    problems = []
    for index, one in enumerate(query.operations):
        sensible = _SENSIBLE.get(one.column)
        if sensible is not None and one.operation not in sensible:
            wanted = ", ".join(sensible)
            problems.append(f"operations.{index}.operation must be one of {wanted} for the column {one.column}")
    names = [name for one in query.operations for name in {one.alias or one.names[0]}]
    if len(set(names)) < len(names):
        problems.append("operations must have an alias each where they have the same name")
    if query.table == "subscription" and (query.group_by or query.group_by_variable_value):
        problems.append("groupBy must be left out for the table subscription")
    start, end = span(query.time_range, now)
    if start > end:
        problems.append("timeRange.start must not be after its end")
    return problems
