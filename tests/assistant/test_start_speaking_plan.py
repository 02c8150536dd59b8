"""Vapi's startSpeakingPlan as the turn machine gets it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.assistant.assistant import Assistant
from gateway.assistant.section import Server
from gateway.conversation.endpointing_rules import (
    EndpointingPlan,
    EndpointingRule,
    Pattern,
    SmartEndpointing,
    TranscriptionWaits,
)
from gateway.conversation.plan import TurnPlan
from gateway.conversation.wait_function import DEFAULT


def plan(**start: Any) -> EndpointingPlan:
    assistant = Assistant.model_validate({"model": {"provider": "x"}, "startSpeakingPlan": start})
    again = Assistant.model_validate_json(assistant.model_dump_json(by_alias=True))
    return TurnPlan.of(again, lambda text: text).endpointing


def test_rules_keep_their_order_expressions_and_options() -> None:
    option = {"type": "ignore-case", "enabled": True}
    rules = [
        {"type": "assistant", "regex": "loan", "timeoutSeconds": 0.5, "regexOptions": [option]},
        {"type": "customer", "regex": "hm", "timeoutSeconds": 2, "regexOptions": [{**option, "enabled": False}]},
        {
            "type": "both",
            "assistantRegex": "a",
            "customerRegex": "b",
            "customerRegexOptions": [{"type": "whole-word", "enabled": True}, {"type": "multi-line", "enabled": True}],
            "timeoutSeconds": 15,
        },
    ]
    assert plan(customEndpointingRules=rules).rules == (
        EndpointingRule(500, assistant=Pattern("loan", ignore_case=True)),
        EndpointingRule(2000, customer=Pattern("hm")),
        EndpointingRule(15_000, Pattern("a"), Pattern("b", whole_word=True, multi_line=True)),
    )


@pytest.mark.parametrize(
    ("start", "smart", "function"),
    [
        ({}, None, ""),
        ({"smartEndpointingPlan": {"provider": "vapi"}}, SmartEndpointing.POLICY, ""),
        ({"smartEndpointingPlan": {"provider": "livekit"}}, SmartEndpointing.FUNCTION, DEFAULT),
        ({"smartEndpointingPlan": {"provider": "livekit", "waitFunction": "70"}}, SmartEndpointing.FUNCTION, "70"),
        ({"smartEndpointingPlan": {"provider": "smart-turn"}}, SmartEndpointing.POLICY, ""),
        (
            {"smartEndpointingPlan": {"provider": "smart-turn", "waitFunction": "x"}},
            SmartEndpointing.FUNCTION_OF_SOUND,
            "x",
        ),
        ({"smartEndpointingPlan": {"provider": "custom-endpointing-model"}}, SmartEndpointing.SERVER, ""),
        ({"smartEndpointingEnabled": False}, None, ""),
        ({"smartEndpointingEnabled": True}, SmartEndpointing.POLICY, ""),
        ({"smartEndpointingEnabled": "livekit"}, SmartEndpointing.FUNCTION, DEFAULT),
        (
            {"smartEndpointingEnabled": "livekit", "smartEndpointingPlan": {"provider": "vapi"}},
            SmartEndpointing.POLICY,
            "",
        ),
    ],
)
def test_the_smart_plan_names_who_judges(start: dict[str, Any], smart: SmartEndpointing | None, function: str) -> None:
    assert (plan(**start).smart, plan(**start).wait_function) == (smart, function)


def test_the_transcription_plan_has_vapis_defaults() -> None:
    assert plan(transcriptionEndpointingPlan={}).transcription == TranscriptionWaits(100, 1500, 500)
    assert plan().transcription is None


def test_a_servers_secret_goes_out_as_a_header() -> None:
    server = Server(url="http://127.0.0.1", headers={"A": "b"}, secret="s")
    assert server.request_headers == {"A": "b", "X-Vapi-Secret": "s"}
    assert Server(url="http://127.0.0.1").request_headers == {}
    assert "s'" not in repr(server)
