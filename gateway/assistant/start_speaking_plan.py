"""`startSpeakingPlan` as Vapi has it: how long to wait after the caller's last speech before the turn is taken."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from gateway.assistant.section import Section, Server
from gateway.conversation import endpointing_rules, wait_function


def _regex(text: str) -> str:
    try:
        endpointing_rules.check_pattern(text)
    except endpointing_rules.PatternError as error:
        raise PydanticCustomError("regex", "a regular expression of RE2 ({reason})", {"reason": str(error)}) from None
    return text


def _wait_function(text: str) -> str:
    try:
        wait_function.check(text)
    except wait_function.ExpressionError as error:
        message = "a waitFunction, an expression of x such as '70 + 4000 * x' ({reason})"
        raise PydanticCustomError("wait_function", message, {"reason": str(error)}) from None
    return text


Regex = Annotated[str, AfterValidator(_regex)]
WaitFunction = Annotated[str, AfterValidator(_wait_function)]


class RegexOption(Section):
    type: Literal["ignore-case", "whole-word", "multi-line"]
    enabled: bool


class AssistantEndpointingRule(Section):
    """Matches what the assistant said last."""

    type: Literal["assistant"]
    regex: Regex
    regex_options: list[RegexOption] = Field(default_factory=list)
    timeout_seconds: float = Field(ge=0, le=15)


class CustomerEndpointingRule(Section):
    """Matches what the caller has said of the turn."""

    type: Literal["customer"]
    regex: Regex
    regex_options: list[RegexOption] = Field(default_factory=list)
    timeout_seconds: float = Field(ge=0, le=15)


class BothEndpointingRule(Section):
    """Matches both."""

    type: Literal["both"]
    assistant_regex: Regex
    assistant_regex_options: list[RegexOption] = Field(default_factory=list)
    customer_regex: Regex
    customer_regex_options: list[RegexOption] = Field(default_factory=list)
    timeout_seconds: float = Field(ge=0, le=15)


class VapiEndpointing(Section):
    """Parley's own policy, by words and sound."""

    provider: Literal["vapi"]


class LivekitEndpointing(Section):
    """A function of the probability that the caller goes on, by words and sound."""

    provider: Literal["livekit"]
    wait_function: WaitFunction = wait_function.DEFAULT


class SmartTurnEndpointing(Section):
    """Of our own: the smart-turn model judges the sound. Without a function, the policy weighs what it says."""

    provider: Literal["smart-turn"]
    wait_function: WaitFunction | None = None


class CustomEndpointing(Section):
    """The user's server is asked; without one here, the assistant's."""

    provider: Literal["custom-endpointing-model"]
    server: Server | None = None


EndpointingRule = Annotated[
    AssistantEndpointingRule | CustomerEndpointingRule | BothEndpointingRule, Field(discriminator="type")
]
SmartEndpointingPlan = Annotated[
    VapiEndpointing | LivekitEndpointing | SmartTurnEndpointing | CustomEndpointing, Field(discriminator="provider")
]


class TranscriptionEndpointingPlan(Section):
    """The wait by how the transcript ends, seconds."""

    on_punctuation_seconds: float = Field(default=0.1, ge=0, le=3)
    on_no_punctuation_seconds: float = Field(default=1.5, ge=0, le=3)
    on_number_seconds: float = Field(default=0.5, ge=0, le=3)


class StartSpeakingPlan(Section):
    """How long to wait after the caller's last speech before the turn is taken: `wait_seconds` at least."""

    wait_seconds: float = Field(default=0.25, ge=0, le=5)
    custom_endpointing_rules: list[EndpointingRule] = Field(default_factory=list, max_length=100)
    smart_endpointing_plan: SmartEndpointingPlan | None = None
    smart_endpointing_enabled: Literal[True, False, "livekit"] = False
    transcription_endpointing_plan: TranscriptionEndpointingPlan | None = None

    @property
    def smart(self) -> VapiEndpointing | LivekitEndpointing | SmartTurnEndpointing | CustomEndpointing | None:
        """The smart plan, also when it was asked for by the deprecated switch."""
        if self.smart_endpointing_plan is not None or not self.smart_endpointing_enabled:
            return self.smart_endpointing_plan
        if self.smart_endpointing_enabled == "livekit":
            return LivekitEndpointing(provider="livekit")
        return VapiEndpointing(provider="vapi")
