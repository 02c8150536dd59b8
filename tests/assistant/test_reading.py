from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.assistant.defaults import AssistantDefaults
from gateway.assistant.reading import Read, read_assistant
from gateway.errors import InvalidAssistant
from gateway.providers.credentials import Credentials

NO_KEYS = Credentials(environ={})
OPENAI = {"provider": "openai", "model": "gpt-4o"}


def read(**body: Any) -> Read:
    return read_assistant({"model": OPENAI, **body}, credentials=NO_KEYS)


def problems(**body: Any) -> list[str]:
    with pytest.raises(InvalidAssistant) as refused:
        read(**body)
    return refused.value.problems


def warned(result: Read) -> dict[str, str]:
    return {warning.path: warning.message for warning in result.warnings}


def test_an_assistant_as_it_is_written_today_is_read_without_a_warning() -> None:
    result = read(
        name="Riley",
        firstMessage="Hello {{ customer.name }}",
        voice={"provider": "11labs", "voiceId": "burt", "stability": 0.5},
        transcriber={"provider": "deepgram", "model": "nova-3", "language": "en", "smartFormat": True},
        artifactPlan={"transcriptPlan": {"assistantName": "Riley"}},
        monitorPlan={"controlAuthenticationEnabled": True},
        server={"url": "https://example.com", "backoffPlan": {"type": "fixed", "maxRetries": 3, "baseDelaySeconds": 1}},
        serverMessages=["end-of-call-report"],
        createdAt="2026-01-01T00:00:00.000Z",
    )
    assert result.warnings == []
    assert result.assistant.voice.options == {"voiceId": "burt", "stability": 0.5}
    assert result.assistant.server is not None
    assert result.assistant.server.backoff_plan is not None


def test_what_is_missing_gets_a_default() -> None:
    bare = read_assistant({}, credentials=NO_KEYS).assistant
    assert (bare.model.provider, bare.voice.provider, bare.transcriber) == ("dialogue", "hibari", None)
    keyed = read_assistant({}, credentials=Credentials(environ={"ANTHROPIC_API_KEY": "x"})).assistant
    assert keyed.model.provider == "anthropic"
    named = AssistantDefaults(
        model={"provider": "groq", "model": "m"}, voice={"provider": "deepgram", "voiceId": "luna"}
    )
    chosen = read_assistant({"model": {"messages": []}}, named, NO_KEYS).assistant
    assert (chosen.model.provider, chosen.voice.provider) == ("groq", "deepgram")


def test_a_first_message_may_be_interrupted_only_on_request_as_with_vapi() -> None:
    assert not read().assistant.first_message_interruptions_enabled
    assert read(firstMessageInterruptionsEnabled=True).assistant.first_message_interruptions_enabled


def test_a_call_is_analysed_unless_its_assistant_says_no() -> None:
    plan = read().assistant.analysis_plan
    assert plan is not None
    assert (plan.summary_plan.enabled, plan.structured_data_plan.enabled) == (True, False)


def test_unknown_fields_are_warned_of_wherever_they_stand() -> None:
    result = read(
        wow={"a": {"b": 1}},
        startSpeakingPlan={"waitSeconds": 0.5, "hurry": True},
        model={**OPENAI, "colour": "red"},
        voice={"provider": "11labs", "voiceId": "burt", "sparkle": True},
    )
    assert set(warned(result)) == {"wow", "startSpeakingPlan.hurry", "model.colour", "voice.sparkle"}
    assert "no effect" in warned(result)["wow"]
    assert result.assistant.start_speaking_plan.wait_seconds == 0.5


def test_known_fields_without_effect_are_warned_of_with_the_reason_when_they_ask_for_something() -> None:
    asked = read(observabilityPlan={"provider": "langfuse", "tags": []}, backchannelingEnabled=True)
    assert "Langfuse" in warned(asked)["observabilityPlan"]
    assert "while the caller speaks" in warned(asked)["backchannelingEnabled"]
    assert read(backchannelingEnabled=False, backgroundSound="off").warnings == []


def test_vapis_own_voice_and_transcriber_become_parleys_with_a_warning() -> None:
    result = read(voice={"provider": "vapi", "voiceId": "Elliot", "speed": 4}, transcriber={"provider": "vapi"})
    assert (result.assistant.voice.provider, result.assistant.voice.options) == ("hibari", {"speed": 2.0})
    assert result.assistant.transcriber is None
    assert set(warned(result)) == {"voice.provider", "transcriber.provider"}


def test_every_problem_is_told_with_its_path() -> None:
    assert problems(
        name="x" * 41,
        firstMessage="Hello {{ name",
        firstMessageMode="sometimes",
        maxDurationSeconds=5,
        model={
            **OPENAI,
            "temperature": 3,
            "messages": [{"role": "boss", "content": "x"}, {"role": "user", "content": 3}],
        },
    ) == [
        "firstMessage must be a Liquid template (expected '}}', found end of file)",
        "model.messages.0.role must be one of system, user, assistant, function, tool, developer",
        "model.messages.1.content must be a string",
        "model.temperature must be at most 2",
        "name must have at most 40 characters",
        "firstMessageMode must be one of assistant-speaks-first, assistant-speaks-first-with-model-generated-message, "
        "assistant-waits-for-user",
        "maxDurationSeconds must be at least 10",
    ]


@pytest.mark.parametrize("part", ["model", "voice", "transcriber"])
def test_a_provider_that_we_do_not_have_is_refused_with_the_names_of_ours(part: str) -> None:
    (sentence,) = problems(**{part: {"provider": "nobody"}})
    assert sentence.startswith(f"{part}.provider must be one of")
    assert "openai" in sentence


def test_the_providers_that_stand_in_are_checked_too() -> None:
    voice = {"provider": "11labs", "voiceId": "burt", "fallbackPlan": {"voices": [{"provider": "nobody"}]}}
    (sentence,) = problems(voice=voice)
    assert sentence.startswith("voice.fallbackPlan.voices.0.provider must be one of")


@pytest.mark.parametrize("provider", ["gateway.evil:Class", "os:system"])
def test_no_code_of_this_machine_is_named_over_the_api(provider: str) -> None:
    assert "must be one of" in problems(model={"provider": provider})[0]


def test_no_file_of_this_machine_is_named_over_the_api() -> None:
    assert problems(model={"provider": "dialogue", "file": "/etc/passwd"})[0].startswith("model.file must not")


def test_a_dialogue_is_written_in_place() -> None:
    dialogue = {"greeting": "Hi", "fallback": "What?", "intents": {"bye": {"patterns": ["bye"], "answer": "Bye!"}}}
    assert read(model={"provider": "dialogue", "dialogue": dialogue}).warnings == []
    assert problems(model={"provider": "dialogue", "dialogue": {**dialogue, "intents": {}}})[0].startswith(
        "model.dialogue.intents must have at least 1"
    )


@pytest.mark.parametrize("body", [{"model": "x"}, {"model": {**OPENAI, "tools": [3]}}, {"voice": []}, {"hooks": "x"}])
def test_values_of_a_wrong_type_are_problems(body: dict[str, Any]) -> None:
    assert problems(**body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.sampled_from(["", "openai", "{{ a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["provider", "model", "messages", "tools", "url", "type", "on", "do", "enabled"]), inner
        )
    ),
    max_leaves=6,
)
_FIELDS = st.sampled_from(
    [
        "name",
        "model",
        "voice",
        "transcriber",
        "hooks",
        "server",
        "analysisPlan",
        "artifactPlan",
        "stopSpeakingPlan",
        "x",
    ]
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_FIELDS, _JSON, max_size=4))
def test_whatever_comes_is_read_or_refused(body: dict[str, Any]) -> None:
    try:
        read_assistant(body, credentials=NO_KEYS)
    except InvalidAssistant as refused:
        assert refused.problems  # noqa: PT017  either is right
