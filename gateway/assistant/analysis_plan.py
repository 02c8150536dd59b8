"""`analysisPlan` as Vapi has it, and the structured outputs that came after it: what is found out after a call."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.assistant.section import Section

PromptMessages = list[dict[str, Any]]
"""Messages with role and content; their texts may hold {{transcript}}, {{systemPrompt}}, {{rubric}}, {{schema}} and
{{endedReason}}."""

Rubric = Literal[
    "NumericScale",
    "DescriptiveScale",
    "Checklist",
    "Matrix",
    "PercentageScale",
    "LikertScale",
    "AutomaticRubric",
    "PassFail",
]


class SummaryPlan(Section):
    """A few sentences of what happened."""

    enabled: bool = True
    messages: PromptMessages = Field(default_factory=list)
    timeout_seconds: float = Field(default=5, ge=1, le=60)


class StructuredDataPlan(Section):
    """Data of this JSON schema, taken from the call."""

    enabled: bool = False
    schema_: dict[str, Any] = Field(default_factory=dict, alias="schema")
    messages: PromptMessages = Field(default_factory=list)
    timeout_seconds: float = Field(default=5, ge=1, le=60)


class StructuredDataItem(Section):
    """One of several structured data, with its name."""

    key: str = Field(min_length=1)
    plan: StructuredDataPlan


class SuccessEvaluationPlan(Section):
    """Whether the call did what it was for, by a rubric."""

    enabled: bool = True
    rubric: Rubric = "PassFail"
    messages: PromptMessages = Field(default_factory=list)
    timeout_seconds: float = Field(default=5, ge=1, le=60)


class AnalysisPlan(Section):
    """Nothing is analysed of a call with fewer messages of caller and assistant than the threshold."""

    min_messages_threshold: int = Field(default=2, ge=0)
    summary_plan: SummaryPlan = SummaryPlan()
    structured_data_plan: StructuredDataPlan = StructuredDataPlan()
    structured_data_multi_plan: list[StructuredDataItem] = Field(default_factory=list)
    success_evaluation_plan: SuccessEvaluationPlan = SuccessEvaluationPlan()


class StructuredOutput(Section):
    """A structured output: an entity of its own, or inside an assistant, where it has no id."""

    id: str = ""
    name: Annotated[str, Field(min_length=1, max_length=40)]
    type: Literal["ai", "regex"] = "ai"
    description: str = ""
    schema_: dict[str, Any] = Field(default_factory=dict, alias="schema")
    regex: str = ""
    model: dict[str, Any] | None = None
