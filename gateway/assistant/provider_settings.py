"""Which transcriber, model or voice an assistant uses, and which stand in for it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.assistant.section import Section


class ProviderSettings(BaseModel):
    """Which provider, and its own settings, kept as they came; the provider checks them when it is made."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="allow", frozen=True, protected_namespaces=()
    )

    provider: str

    @property
    def options(self) -> dict[str, Any]:
        """The provider's own settings."""
        return dict(self.model_extra or {})


class TranscriberFallbackPlan(Section):
    """Transcribers that take over, in this order."""

    transcribers: list[ProviderSettings] = Field(min_length=1)


class TranscriberSettings(ProviderSettings):
    fallback_plan: TranscriberFallbackPlan | None = None

    @property
    def chain(self) -> list[ProviderSettings]:
        """This one and those that stand in for it."""
        return [self, *(self.fallback_plan.transcribers if self.fallback_plan else ())]


class ChunkPlan(Section):
    """How the text of a reply is cut for the voice."""

    enabled: bool = True
    min_characters: int = Field(default=30, ge=1, le=80)
    punctuation_boundaries: list[str] = Field(default_factory=list)


class StandInVoice(ProviderSettings):
    """A voice. `caching_enabled`: what is said often may be kept as audio."""

    caching_enabled: bool = True
    chunk_plan: ChunkPlan | None = None


class VoiceFallbackPlan(Section):
    """Voices that take over, in this order. They get the text as it was cut for the first one."""

    voices: list[StandInVoice] = Field(min_length=1)


class VoiceSettings(StandInVoice):
    fallback_plan: VoiceFallbackPlan | None = None

    @property
    def chain(self) -> list[ProviderSettings]:
        """This one and those that stand in for it."""
        return [self, *(self.fallback_plan.voices if self.fallback_plan else ())]


class ModelFallbackPlan(Section):
    """Ours, not Vapi's: models that take over, in this order, of any provider."""

    models: list[ProviderSettings] = Field(min_length=1)
