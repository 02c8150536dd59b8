"""Calls are analysed by an emulated server of OpenAI's kind, through the providers as the control plane has them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.analysis.analysis import Analysis, analyse, on_scale
from gateway.analysis.analyst import Analyst
from gateway.analysis.material import Material
from gateway.analysis.structured_output import read_output
from gateway.assistant.analysis_plan import AnalysisPlan, StructuredOutput
from gateway.assistant.assistant import Model
from gateway.egress.connections import guard_loop
from gateway.egress.guard import Guard
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.registry import Providers
from tests.providers.emulators.answers import Answer, Answering, Asked
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_chat import OpenAiChat

CALL = {
    "endedReason": "customer-ended-call",
    "artifact": {
        "transcript": "AI: Your order number?\nUser: 4711.\n",
        "messages": [{"role": "system"}, {"role": "bot", "message": "Your order number?"}, {"role": "user"}],
    },
}
ASSISTANT = {"model": {"messages": [{"role": "system", "content": "Find the order."}]}}
MATERIAL = Material.of(CALL, ASSISTANT)
SCHEMA = {"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}

Asking = Callable[..., Any]


@pytest.fixture
async def providers() -> AsyncIterator[Providers]:
    made = Providers(Credentials(environ={}))
    yield made
    await made.close()


async def ask(
    providers: Providers, answer: Answering, plan: AnalysisPlan | None, *outputs: StructuredOutput, **options: Any
) -> tuple[Analysis, Analyst]:
    async with running(server := OpenAiChat(answer, key="")):
        model = Model(provider="custom-llm", model="m", url=server.api_url, metadataSendMode="off", **options)
        analyst = Analyst(providers, model)
        return await analyse(plan, MATERIAL, analyst, outputs), analyst


async def test_a_model_at_a_private_address_is_not_reached_by_an_address_of_a_credential() -> None:
    guard_loop(asyncio.get_running_loop(), Guard())
    async with running(server := OpenAiChat(expert, key="k")):
        credential = {"provider": "openai", "apiKey": "k", "apiUrl": server.api_url}
        providers = Providers(Credentials(environ={}, own=[Credential.model_validate(credential)]))
        model = Model(provider="openai", model="gpt-4.1")
        for allow, reached in (((), False), (None, True)):
            analyst = Analyst(providers, model, allow)
            found = await analyse(AnalysisPlan(), MATERIAL, analyst, ())
            assert (found.summary is not None) is reached
        await providers.close()


def expert(asked: Asked) -> Answer:
    """Does what its first message wants."""
    task = asked.messages[0][1]
    if "note-taker" in task:
        return Answer("The caller gave an order number.")
    if "evaluator" in task:
        assert "Find the order." in asked.messages[2][1]
        return Answer("True, the order was found.")
    assert "4711" in asked.messages[1][1]
    assert "customer-ended-call" in asked.messages[1][1]
    return Answer('```json\n{"order": 4711}\n```')


async def test_a_plan_is_answered_whole_and_counted(providers: Providers) -> None:
    plan = AnalysisPlan.model_validate(
        {
            "structuredDataPlan": {"enabled": True, "schema": SCHEMA},
            "structuredDataMultiPlan": [
                {"key": "b", "plan": {"enabled": True, "schema": SCHEMA}},
                {"key": "a", "plan": {"enabled": True}},
                {"key": "off", "plan": {}},
            ],
        }
    )
    analysis, analyst = await ask(providers, expert, plan)
    assert analysis.shown() == {
        "summary": "The caller gave an order number.",
        "structuredData": {"order": 4711},
        "structuredDataMulti": [{"key": "b", "result": {"order": 4711}}, {"key": "a", "result": {"order": 4711}}],
        "successEvaluation": "true",
    }
    rows = {row["analysisType"]: row for row in analyst.rows()}
    assert set(rows) == {"summary", "structuredData", "successEvaluation"}
    assert rows["summary"]["completion_tokens"] == 6
    assert rows["structuredData"]["provider"] == "custom-llm"
    assert analysis.data(analyst.rows())["usage"] == analyst.rows()


async def test_own_prompts_are_filled_in_and_their_answer_is_left_alone(providers: Providers) -> None:
    own = [{"role": "user", "content": "{{endedReason}}|{{systemPrompt}}|{{rubric}}"}]
    plan = AnalysisPlan.model_validate(
        {"summaryPlan": {"enabled": False}, "successEvaluationPlan": {"rubric": "LikertScale", "messages": own}}
    )
    analysis, _ = await ask(providers, lambda asked: Answer(asked.messages[0][1]), plan)
    assert analysis.success_evaluation is not None
    assert analysis.success_evaluation.startswith("customer-ended-call|Find the order.|A scale of Strongly Agree")


async def test_a_model_that_errs_is_told_how_once(providers: Providers) -> None:
    def learns(asked: Asked) -> Answer:
        return Answer('{"order": 4711}' if "does not fit" in asked.messages[-1][1] else '{"order": "four"}')

    plan = AnalysisPlan.model_validate(
        {
            "summaryPlan": {"enabled": False},
            "successEvaluationPlan": {"enabled": False},
            "structuredDataPlan": {"enabled": True, "schema": SCHEMA},
        }
    )
    analysis, _ = await ask(providers, learns, plan)
    assert analysis.structured_data == {"order": 4711}
    analysis, _ = await ask(providers, lambda asked: Answer("no idea"), plan)
    assert analysis.structured_data is None
    assert analysis.faults == ["No structuredData: it is no JSON."]


async def test_a_call_with_too_few_messages_is_not_analysed(providers: Providers) -> None:
    analysis, analyst = await ask(providers, expert, AnalysisPlan(min_messages_threshold=3))
    assert analysis.shown() == {}
    assert analysis.faults == ["Not analysed: 2 messages were said, 3 are the least."]
    assert analyst.rows() == []


async def test_the_embedded_dialogue_says_that_it_cannot() -> None:
    analyst = Analyst(Providers(Credentials(environ={})), Model(provider="dialogue"))
    analysis = await analyse(AnalysisPlan(), MATERIAL, analyst)
    assert analysis.shown() == {}
    assert sorted(fault.split(":")[0] for fault in analysis.faults) == ["No successEvaluation", "No summary"]
    assert "name a language model" in analysis.faults[0]


async def test_a_server_that_fails_or_hangs_is_a_fault(providers: Providers) -> None:
    async with running(server := OpenAiChat(key="wanted")):
        model = Model(provider="custom-llm", model="m", url=server.api_url, metadataSendMode="off")
        analysis = await analyse(AnalysisPlan(), MATERIAL, Analyst(providers, model))
    assert all("refuses the key" in fault or "401" in fault for fault in analysis.faults)
    assert len(analysis.faults) == 2
    async with running(server := OpenAiChat(key="", first=30)):
        model = Model(provider="custom-llm", model="m", url=server.api_url, metadataSendMode="off")
        plan = AnalysisPlan.model_validate(
            {"summaryPlan": {"timeoutSeconds": 1}, "successEvaluationPlan": {"enabled": False}}
        )
        analysis = await analyse(plan, MATERIAL, Analyst(providers, model))
    assert analysis.faults == ["No summary: no answer within 1 s."]


async def test_structured_outputs_are_kept_by_id_or_name(providers: Providers) -> None:
    asked = read_output({"id": "o1", "name": "Order", "schema": SCHEMA})
    found = read_output({"name": "Digits", "type": "regex", "regex": r"\d+", "schema": {"type": "integer"}})
    broken = StructuredOutput(name="Broken", type="regex", regex="(")
    analysis, analyst = await ask(providers, expert, None, asked, found, broken)
    assert analysis.structured_outputs == {
        "o1": {"name": "Order", "result": {"order": 4711}},
        "Digits": {"name": "Digits", "result": 4711},
    }
    assert analysis.faults[0].startswith('No structuredOutput "Broken": its regex cannot be used')
    assert [row["analysisType"] for row in analyst.rows()] == ["structuredOutput"]


async def test_a_long_answer_is_not_cut_at_the_length_of_a_spoken_one(providers: Providers) -> None:
    limits: list[Any] = []

    def noting(asked: Asked) -> Answer:
        limits.append(asked.body.get("max_tokens"))
        return Answer(json.dumps({}))

    await ask(providers, noting, AnalysisPlan(), maxTokens=100)
    assert limits == [1000, 1000]


@pytest.mark.parametrize(
    ("rubric", "answer", "value"),
    [
        ("PassFail", "Passed.", "true"),
        ("PassFail", "**False**: nobody was helped", "false"),
        ("NumericScale", "Score: 10", "10"),
        ("PercentageScale", "I would say 85 %.", "85%"),
        ("DescriptiveScale", "good", "Good"),
        ("LikertScale", "I strongly disagree with that.", "Strongly Disagree"),
        ("Checklist", "- greeted: yes", "- greeted: yes"),
        ("PassFail", "Unclear", "Unclear"),
    ],
)
def test_an_evaluation_is_a_value_of_its_scale(rubric: str, answer: str, value: str) -> None:
    assert on_scale(rubric, answer) == value
