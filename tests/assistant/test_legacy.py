from __future__ import annotations

from typing import Any

from gateway.assistant.legacy import modern


def test_older_names_are_todays() -> None:
    current = modern(
        {
            "serverUrl": "https://example.com",
            "serverUrlSecret": "s",
            "responseDelaySeconds": 0.6,
            "numWordsToInterruptAssistant": 3,
            "recordingEnabled": False,
            "hipaaEnabled": True,
            "voice": {"provider": "eleven-labs", "voiceId": "x"},
        }
    )
    assert current == {
        "server": {"url": "https://example.com", "secret": "s"},
        "startSpeakingPlan": {"waitSeconds": 0.6},
        "stopSpeakingPlan": {"numWords": 3},
        "artifactPlan": {"recordingEnabled": False},
        "compliancePlan": {"hipaaEnabled": True},
        "voice": {"provider": "11labs", "voiceId": "x"},
    }


def test_todays_field_wins_over_the_older_one() -> None:
    assert modern({"serverUrl": "https://old", "server": {"url": "https://new"}}) == {"server": {"url": "https://new"}}


def test_switches_and_functions_become_tools() -> None:
    function = {"name": "book", "parameters": {"type": "object"}, "serverUrl": "https://tools", "async": True}
    current = modern(
        {
            "model": {"provider": "openai", "functions": [function], "systemPrompt": "Be brief."},
            "endCallFunctionEnabled": True,
            "dialKeypadFunctionEnabled": False,
            "forwardingPhoneNumber": "+15550100",
        }
    )
    assert current["model"]["messages"] == [{"role": "system", "content": "Be brief."}]
    assert current["model"]["tools"] == [
        {
            "type": "function",
            "function": {"name": "book", "parameters": {"type": "object"}},
            "server": {"url": "https://tools"},
            "async": True,
        },
        {"type": "endCall"},
        {"type": "transferCall", "destinations": [{"type": "number", "number": "+15550100"}]},
    ]


def test_prompts_of_the_older_analysis_are_plans() -> None:
    plan: dict[str, Any] = modern(
        {"analysisPlan": {"summaryPrompt": "Sum up.", "structuredDataSchema": {"type": "object"}}}
    )["analysisPlan"]
    assert plan["summaryPlan"]["messages"][0] == {"role": "system", "content": "Sum up."}
    assert plan["structuredDataPlan"] == {"schema": {"type": "object"}, "enabled": True}


def test_null_is_left_out_but_not_where_data_is_the_users() -> None:
    body = {"voice": None, "model": {"provider": "x", "tools": None}, "metadata": {"a": None}}
    assert modern(body) == {"model": {"provider": "x"}, "metadata": {"a": None}}


def test_what_the_caller_sent_stays_as_it_is() -> None:
    body = {"serverUrl": "https://a", "model": {"provider": "x", "functions": []}}
    modern(body)
    assert body == {"serverUrl": "https://a", "model": {"provider": "x", "functions": []}}
