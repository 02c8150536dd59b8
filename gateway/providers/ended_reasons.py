"""endedReason of a call that a provider ended, in Vapi's words.

Vapi has a family of reasons for each model (`pipeline-error-openai-401-unauthorized`), one for each voice and
transcriber (`pipeline-error-cartesia-voice-failed`), and one for a list of models of which none works. What Vapi does
not know, such as what runs in this process, is somebody's own: `custom-llm`, `custom`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
)
from gateway.providers.usage import Stage

NO_MODEL = "call.in-progress.error-pipeline-no-available-llm-model"

_SPELT = {"11labs": "eleven-labs"}
_KNOWN: Mapping[Stage, frozenset[str]] = {
    "transcriber": frozenset({"assembly-ai", "deepgram", "gladia", "google", "openai"}),
    "model": frozenset(
        {
            *("anthropic", "cerebras", "deep-seek", "deepinfra", "google", "groq", "mistral", "openai", "openrouter"),
            *("perplexity-ai", "together-ai", "xai"),
        }
    ),
    "voice": frozenset({"azure", "cartesia", "deepgram", "eleven-labs", "openai", "playht"}),
}
_OTHERS: Mapping[Stage, str] = {"transcriber": "custom", "model": "custom-llm", "voice": "custom"}
_FAILED: Mapping[Stage, str] = {"transcriber": "transcriber-failed", "model": "llm-failed", "voice": "voice-failed"}
_OF_MODEL: Mapping[type[ProviderError], str] = {
    ProviderAuthentication: "401-unauthorized",
    ProviderBadRequest: "400-bad-request-validation-failed",
    ProviderQuota: "429-exceeded-quota",
    ProviderRateLimit: "429-exceeded-quota",
}


def ended_reason(stage: Stage, providers: Sequence[str], error: ProviderError) -> str:
    """Why the call ended.

    :param providers: by name, the preferred one first; all have failed
    :param error: of the last one
    """
    if stage == "model" and len(providers) > 1:
        return NO_MODEL
    name = _SPELT.get(providers[0], providers[0])
    known = name if name in _KNOWN[stage] else _OTHERS[stage]
    what = _OF_MODEL.get(type(error), _FAILED[stage]) if stage == "model" else _FAILED[stage]
    return f"pipeline-error-{known}-{what}"
