"""What a call's record says when providers ended it."""

from __future__ import annotations

import pytest

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.providers.catalogue import BY_STAGE
from gateway.providers.ended_reasons import ended_reason
from gateway.providers.usage import Stage


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ProviderAuthentication("."), "pipeline-error-openai-401-unauthorized"),
        (ProviderQuota("."), "pipeline-error-openai-429-exceeded-quota"),
        (ProviderRateLimit("."), "pipeline-error-openai-429-exceeded-quota"),
        (ProviderBadRequest("."), "pipeline-error-openai-400-bad-request-validation-failed"),
        (ProviderTimeout("."), "pipeline-error-openai-llm-failed"),
        (ProviderUnavailable("."), "pipeline-error-openai-llm-failed"),
        (ProviderError("."), "pipeline-error-openai-llm-failed"),
    ],
)
def test_a_model_is_told_with_what_is_wrong(error: ProviderError, expected: str) -> None:
    assert ended_reason("model", ["openai"], error) == expected


@pytest.mark.parametrize(
    ("stage", "provider", "expected"),
    [
        ("model", "ollama", "pipeline-error-custom-llm-llm-failed"),
        ("model", "custom-llm", "pipeline-error-custom-llm-llm-failed"),
        ("model", "my.module:Model", "pipeline-error-custom-llm-llm-failed"),
        ("voice", "11labs", "pipeline-error-eleven-labs-voice-failed"),
        ("voice", "hibari", "pipeline-error-custom-voice-failed"),
        ("voice", "azure", "pipeline-error-azure-voice-failed"),
        ("transcriber", "assembly-ai", "pipeline-error-assembly-ai-transcriber-failed"),
        ("transcriber", "embedded", "pipeline-error-custom-transcriber-failed"),
    ],
)
def test_a_provider_is_told_by_vapis_name(stage: Stage, provider: str, expected: str) -> None:
    assert ended_reason(stage, [provider], ProviderTimeout(".")) == expected


def test_of_several_models_none_is_available() -> None:
    reason = ended_reason("model", ["openai", "groq"], ProviderAuthentication("."))
    assert reason == "call.in-progress.error-pipeline-no-available-llm-model"


@pytest.mark.parametrize("stage", BY_STAGE)
def test_each_of_our_providers_has_a_reason_of_its_stage(stage: Stage) -> None:
    endings = {"transcriber": "-transcriber-failed", "model": "-llm-failed", "voice": "-voice-failed"}
    for provider in BY_STAGE[stage]:
        assert ended_reason(stage, [provider], ProviderUnavailable(".")).endswith(endings[stage])
