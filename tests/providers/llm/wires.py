"""The models of servers with their emulators, for tests of what they all do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from gateway.providers.credentials import Credential
from gateway.providers.llm import anthropic, google, mistral, openai
from tests.providers.emulators.anthropic_messages import AnthropicMessages
from tests.providers.emulators.emulator import Emulator
from tests.providers.emulators.gemini_generate import GeminiGenerate
from tests.providers.emulators.mistral_chat import MistralChat
from tests.providers.emulators.openai_chat import OpenAiChat


@dataclass(frozen=True, slots=True)
class Wired:
    """A provider's module, its emulator, and a model that it has."""

    module: Any
    emulator: Callable[..., Any]
    model: str

    def make(self, provider: str, emulator: Any, **options: Any) -> Any:
        """A model that talks to the emulator."""
        credential = Credential(provider=provider, api_key=SecretStr(emulator.key), api_url=emulator.api_url)
        return self.module.make(self.module.Options(**{"model": self.model, **options}), credential)


WIRED: Mapping[str, Wired] = {
    "openai": Wired(openai, OpenAiChat, "gpt-4o-mini"),
    "anthropic": Wired(anthropic, AnthropicMessages, "claude-haiku-4-5"),
    "google": Wired(google, GeminiGenerate, "gemini-2.5-flash"),
    "mistral": Wired(mistral, MistralChat, "mistral-small-latest"),
}


def connections(model: Any) -> int:
    """Connections in a model's pool."""
    return len(model._wire._pool._transport._pool.connections)


def idle(emulator: Emulator) -> bool:
    """Whether the emulator serves nobody."""
    return emulator.open == 0
