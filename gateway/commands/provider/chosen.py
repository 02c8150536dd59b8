"""Which providers a command means, with their settings: an assistant's, those with a key, those that are named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.assistant.assistant import Assistant
from gateway.assistant.provider_settings import ProviderSettings
from gateway.commands.provider.names import StageName
from gateway.commands.provider.stages import STAGES, Chosen
from gateway.errors import ConfigError
from gateway.providers.catalogue import BY_STAGE
from gateway.providers.credentials import Credentials
from gateway.providers.registry import Providers
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider of a stage, with the settings beside its name."""

    chosen: Chosen
    settings: ProviderSettings

    @property
    def model(self) -> str:
        """What tells it from others of the same provider; empty when nothing does."""
        options = self.settings.options
        return str(options.get("model") or options.get("voiceId") or "")

    @property
    def assistant(self) -> Assistant | None:
        """One with this model, when the model hears and speaks by itself."""
        if self.chosen.stage is not StageName.LLM:
            return None
        model = {"provider": self.chosen.provider, **self.settings.options}
        assistant = Assistant.model_validate({"model": model})
        return assistant if assistant.model.speaks else None

    def __str__(self) -> str:
        return f"{self.chosen} {self.model}".strip()


def with_options(chosen: Chosen, settings: Settings, options: dict[str, Any]) -> Candidate:
    """A provider with the options that an assistant gives it, if one uses it, and these over them."""
    used = next((one.settings.options for one in of_assistants(settings) if one.chosen == chosen), {})
    merged = {"provider": chosen.provider, **used, **options}
    return Candidate(chosen, ProviderSettings.model_validate(merged))


def of_assistants(settings: Settings) -> Iterator[Candidate]:
    """The providers of all assistants and those that stand in for them, each once."""
    seen = []
    default = Providers.of(settings).default_transcriber()
    for assistant in settings.assistants.values():
        chains: dict[StageName, list[ProviderSettings]] = {
            StageName.STT: (assistant.transcriber or default).chain,
            StageName.LLM: assistant.model.chain,
            StageName.TTS: assistant.voice.chain,
        }
        for stage, chain in chains.items():
            for one in chain:
                bare = ProviderSettings.model_validate({"provider": one.provider, **one.options})
                if (stage, bare) not in seen:
                    seen.append((stage, bare))
                    yield Candidate(Chosen(stage, one.provider), bare)


def with_a_key(settings: Settings) -> Iterator[Candidate]:
    """Providers that the user has a key for, with nothing but their defaults."""
    credentials = Credentials(settings.credentials)
    for stage in StageName:
        for name, entry in BY_STAGE[STAGES[stage]].items():
            if entry.key and credentials.place(name):
                yield Candidate(Chosen(stage, name), ProviderSettings(provider=name))


def read_options(written: Iterable[str]) -> dict[str, Any]:
    """Options out of NAME=VALUE; a value may be JSON.

    :raises ConfigError: one is not of this form
    """
    options = {}
    for one in written:
        name, separator, value = one.partition("=")
        if not name or not separator:
            raise ConfigError(f"--option {one}: expected NAME=VALUE, such as voiceId=sarah.")
        options[name] = _value(value)
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
