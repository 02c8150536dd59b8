"""Which transcriber, model or voice an assistant uses, and which stand in for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.assistant.section import Section
from gateway.conversation.clauses import USUAL, Cutting
from gateway.conversation.endpointing_rules import Pattern, check_pattern


def valid_pattern(text: str) -> str:
    """:raises ValueError: it is no regular expression of RE2"""
    check_pattern(text)
    return text


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


class ExactReplacement(Section):
    """The text `key` is spoken as `value`: where it first stands in a clause, or everywhere."""

    type: Literal["exact"] = "exact"
    key: str = Field(min_length=1)
    value: str = Field(max_length=1000)
    replace_all_enabled: bool = False


class RegexOption(Section):
    type: Literal["ignore-case", "whole-word", "multi-line"]
    enabled: bool


class RegexReplacement(Section):
    """What an expression (RE2) finds is spoken as `value`; `$1` in it is the first group, as in JavaScript."""

    type: Literal["regex"]
    regex: Annotated[str, AfterValidator(valid_pattern)]
    options: list[RegexOption] = Field(default_factory=list)
    value: str = Field(max_length=1000)

    @property
    def pattern(self) -> Pattern:
        """The expression with its options."""
        on = {option.type for option in self.options if option.enabled}
        return Pattern(self.regex, "ignore-case" in on, "whole-word" in on, "multi-line" in on)


class FormatPlan(Section):
    """What the voice says in the place of what is written. Only the replacements are ours to make: each voice reads
    numbers, dates and the like by itself."""

    enabled: bool = True
    replacements: list[ExactReplacement | RegexReplacement] = Field(default_factory=list)
    number_to_digits_cutoff: float | None = Field(default=None, ge=0)
    formatters_enabled: list[str] | None = None


class ChunkPlan(Section):
    """How the text of a reply is cut for the voice. A clause has at least `min_characters`; without
    `punctuation_boundaries` it ends where it would without a plan."""

    enabled: bool = True
    min_characters: int = Field(default=30, ge=1, le=80)
    punctuation_boundaries: list[Annotated[str, Field(min_length=1, max_length=2)]] = Field(default_factory=list)
    format_plan: FormatPlan = FormatPlan()

    @property
    def cutting(self) -> Cutting:
        """Where a text is cut."""
        return Cutting(not self.enabled, self.min_characters, tuple(self.punctuation_boundaries))


class StandInVoice(ProviderSettings):
    """A voice. `caching_enabled`: what is said often may be kept as audio."""

    caching_enabled: bool = True
    chunk_plan: ChunkPlan | None = None

    @property
    def cutting(self) -> Cutting:
        """Where a text is cut for it."""
        return self.chunk_plan.cutting if self.chunk_plan else USUAL

    @property
    def replacements(self) -> Sequence[ExactReplacement | RegexReplacement]:
        """What it says in the place of what is written."""
        plan = self.chunk_plan.format_plan if self.chunk_plan else None
        return plan.replacements if plan is not None and plan.enabled else ()


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
