"""What an assistant has that names no model, voice or transcriber."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.assistant.section import Section
from gateway.providers.credentials import Credentials

_MODELS: tuple[Mapping[str, Any], ...] = (
    {"provider": "openai", "model": "gpt-4.1-mini"},
    {"provider": "anthropic", "model": "claude-haiku-4-5"},
    {"provider": "google", "model": "gemini-2.5-flash"},
    {"provider": "groq", "model": "llama-3.3-70b-versatile"},
    {"provider": "mistral", "model": "mistral-small-latest"},
)
_EMBEDDED: Mapping[str, Any] = {"provider": "dialogue"}


class AssistantDefaults(Section):
    """Settings of assistants that leave them out, in Vapi's words: `{provider: …, model: …}`. Without a model it is the
    first one here that there is a key for, else the embedded dialogue; without a voice the embedded one; without a
    transcriber Deepgram's where there is a key for it, else the embedded one."""

    model: dict[str, Any] | None = None
    voice: dict[str, Any] | None = None
    transcriber: dict[str, Any] | None = None


def default_model(defaults: AssistantDefaults, credentials: Credentials) -> dict[str, Any]:
    """The model of an assistant without one."""
    if defaults.model is not None:
        return defaults.model
    return dict(next((model for model in _MODELS if credentials.of(model["provider"]).key), _EMBEDDED))
