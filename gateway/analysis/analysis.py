"""The analysis of a call: what its assistant's plan asks for, each question by itself and all at once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.analysis import prompts
from gateway.analysis.analyst import Asks, NoAnswer
from gateway.analysis.extraction import Unfit, extract
from gateway.analysis.material import Material
from gateway.analysis.structured_output import matched
from gateway.assistant.analysis_plan import (
    AnalysisPlan,
    StructuredDataPlan,
    StructuredOutput,
    SuccessEvaluationPlan,
    SummaryPlan,
)
from gateway.errors import ConfigError
from gateway.providers.base import ChatMessage

_OUTPUT_SECONDS = 30.0
_REPAIR = "That does not fit the JSON Schema: {fault}. Respond with the corrected JSON only."
_SCALES: Mapping[str, str] = {
    "NumericScale": r"\b(10|[1-9])\b",
    "PercentageScale": r"\b(100|\d{1,2})(?:\.\d+)? ?%?",
    "DescriptiveScale": r"\b(excellent|good|fair|poor)\b",
    "LikertScale": r"\b(strongly disagree|strongly agree|disagree|agree|neutral)\b",
    "PassFail": r"\b(true|false|pass(?:ed)?|fail(?:ed)?|yes|no)\b",
}
_PASSED = ("true", "pass", "passed", "yes")


@dataclass(slots=True)
class Analysis:
    """What was found out. `faults` are sentences: what was asked for and is not there, and why."""

    summary: str | None = None
    structured_data: Any = None
    structured_data_multi: list[dict[str, Any]] = field(default_factory=list)
    success_evaluation: str | None = None
    structured_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """Vapi's Analysis, without what was not found out."""
        found = {
            "summary": self.summary,
            "structuredData": self.structured_data,
            "structuredDataMulti": self.structured_data_multi or None,
            "successEvaluation": self.success_evaluation,
        }
        return {name: value for name, value in found.items() if value is not None}

    def data(self, usage: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """The data of the call's event `analysis`."""
        return {
            **self.shown(),
            **({"structuredOutputs": self.structured_outputs} if self.structured_outputs else {}),
            **({"usage": [dict(row) for row in usage]} if usage else {}),
            **({"faults": self.faults} if self.faults else {}),
        }


async def analyse(
    plan: AnalysisPlan | None, material: Material, asking: Asks, outputs: Sequence[StructuredOutput] = ()
) -> Analysis:
    """Find out what the plan asks for, and the structured outputs. Never raises: what fails is a fault."""
    analysis = Analysis()
    finding = _Finding(material, asking, analysis)
    if plan is not None and material.spoken < plan.min_messages_threshold:
        least = plan.min_messages_threshold
        analysis.faults.append(f"Not analysed: {material.spoken} messages were said, {least} are the least.")
        plan = None
    async with asyncio.TaskGroup() as group:
        for name, work in [*finding.planned(plan or _NOTHING), *finding.outputs(outputs)]:
            group.create_task(finding.attempt(name, work))
    if plan is not None:
        keys = [item.key for item in plan.structured_data_multi_plan]
        analysis.structured_data_multi.sort(key=lambda found: keys.index(found["key"]))
    return analysis


_NOTHING = AnalysisPlan(
    summary_plan=SummaryPlan(enabled=False), success_evaluation_plan=SuccessEvaluationPlan(enabled=False)
)
Work = tuple[str, Coroutine[None, None, None]]


@dataclass(slots=True)
class _Finding:
    material: Material
    asking: Asks
    analysis: Analysis

    def planned(self, plan: AnalysisPlan) -> list[Work]:
        """The questions of a plan."""
        questions: list[Work] = []
        if plan.summary_plan.enabled:
            questions.append(("summary", self._summary(plan.summary_plan)))
        if plan.structured_data_plan.enabled:
            questions.append(("structuredData", self._structured_data(plan.structured_data_plan)))
        questions += [
            (f"structuredDataMulti {item.key}", self._one_of_several(item.key, item.plan))
            for item in plan.structured_data_multi_plan
            if item.plan.enabled
        ]
        if plan.success_evaluation_plan.enabled:
            questions.append(("successEvaluation", self._success(plan.success_evaluation_plan)))
        return questions

    def outputs(self, outputs: Sequence[StructuredOutput]) -> list[Work]:
        """Those of the structured outputs."""
        return [(f'structuredOutput "{output.name}"', self._output(output)) for output in outputs]

    async def attempt(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Find one thing out, or note why not."""
        try:
            await work
        except (NoAnswer, Unfit, ConfigError) as error:
            self.analysis.faults.append(f"No {name}: {str(error).rstrip('.')}.")

    async def _summary(self, plan: SummaryPlan) -> None:
        messages = prompts.prompt(plan.messages or prompts.SUMMARY, self.material)
        self.analysis.summary = await self.asking.ask(messages, "summary", plan.timeout_seconds)

    async def _structured_data(self, plan: StructuredDataPlan) -> None:
        self.analysis.structured_data = await self._data(plan)

    async def _one_of_several(self, key: str, plan: StructuredDataPlan) -> None:
        self.analysis.structured_data_multi.append({"key": key, "result": await self._data(plan)})

    async def _data(self, plan: StructuredDataPlan) -> Any:
        schema = plan.schema_ or {"type": "object"}
        variables = {"schema": json.dumps(schema, ensure_ascii=False)}
        messages = prompts.prompt(plan.messages or prompts.STRUCTURED_DATA, self.material, variables)
        return await self._fitting(messages, schema, "structuredData", plan.timeout_seconds)

    async def _fitting(
        self, messages: Sequence[ChatMessage], schema: Mapping[str, Any], kind: str, seconds: float
    ) -> Any:
        """A value that fits the schema. A model that errs is told how, once."""
        answer = await self.asking.ask(messages, kind, seconds)
        try:
            return extract(answer, schema)
        except Unfit as unfit:
            repair = ChatMessage("user", _REPAIR.format(fault=unfit))
        again = await self.asking.ask([*messages, ChatMessage("assistant", answer), repair], kind, seconds)
        return extract(again, schema)

    async def _success(self, plan: SuccessEvaluationPlan) -> None:
        variables = {"rubric": prompts.RUBRICS[plan.rubric]}
        messages = prompts.prompt(plan.messages or prompts.SUCCESS_EVALUATION, self.material, variables)
        answer = await self.asking.ask(messages, "successEvaluation", plan.timeout_seconds)
        # A prompt of the user's own may ask for any answer.
        self.analysis.success_evaluation = answer if plan.messages else on_scale(plan.rubric, answer)

    async def _output(self, output: StructuredOutput) -> None:
        result = matched(output, self.material.transcript) if output.type == "regex" else await self._asked(output)
        self.analysis.structured_outputs[output.id or output.name] = {"name": output.name, "result": result}

    async def _asked(self, output: StructuredOutput) -> Any:
        schema = json.dumps(output.schema_, ensure_ascii=False)
        shown = {"name": output.name, "description": output.description or output.name, "schema": schema}
        own = (output.model or {}).get("messages")
        messages = prompts.prompt(own or prompts.STRUCTURED_OUTPUT, self.material, {"structuredOutput": shown})
        return await self._fitting(messages, output.schema_, "structuredOutput", _OUTPUT_SECONDS)


def on_scale(rubric: str, answer: str) -> str:
    """The value of the rubric's scale in an answer; the whole answer where there is none.

    A model may give it a sentence: "Good. The caller was helped."
    """
    pattern = _SCALES.get(rubric)
    found = re.search(pattern, answer, re.IGNORECASE) if pattern else None
    if found is None:
        return answer
    value = found[1]
    match rubric:
        case "PassFail":
            return "true" if value.lower() in _PASSED else "false"
        case "PercentageScale":
            return f"{value}%"
        case "NumericScale":
            return value
        case _:
            return value.title()
