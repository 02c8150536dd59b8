"""What the turn machine needs to know of an assistant, in ms and plain texts."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.assistant import Assistant
from gateway.conversation.endpointing_rules import (
    EndpointingPlan,
    EndpointingRule,
    Pattern,
    SmartEndpointing,
    TranscriptionWaits,
)
from gateway.conversation.overlap import OverlapPlan
from gateway.start_speaking_plan import (
    AssistantEndpointingRule,
    CustomEndpointing,
    CustomerEndpointingRule,
    LivekitEndpointing,
    RegexOption,
    SmartTurnEndpointing,
    StartSpeakingPlan,
    TranscriptionEndpointingPlan,
)
from gateway.start_speaking_plan import EndpointingRule as RuleSettings


@dataclass(frozen=True, slots=True)
class TurnPlan:
    """Settings of one conversation; texts are rendered already. `farewell` is said after the endCall tool, when the
    reply itself said nothing a plain goodbye is."""

    greeting: str = ""
    greeting_interruptible: bool = True
    wait_ms: int = 400
    endpointing: EndpointingPlan = field(default_factory=EndpointingPlan)
    backoff_ms: int = 1000
    overlap: OverlapPlan = field(default_factory=OverlapPlan)
    silence_ms: int = 30_000
    max_duration_ms: int = 600_000
    farewell: str = ""
    goodbye: str = "Goodbye."
    reprompt: str = "Are you still there?"
    filler: str = "One moment, please."
    apology: str = "I am sorry, I have a technical problem and cannot go on."

    @classmethod
    def of(cls, assistant: Assistant, *, greeting: str, farewell: str) -> TurnPlan:
        """The plan of an assistant, with its two texts rendered."""
        stop, speaks_first = assistant.stop_speaking_plan, assistant.first_message_mode == "assistant-speaks-first"
        return cls(
            greeting=greeting if speaks_first else "",
            greeting_interruptible=assistant.first_message_interruptions_enabled,
            wait_ms=round(assistant.start_speaking_plan.wait_seconds * 1000),
            endpointing=_endpointing(assistant.start_speaking_plan),
            backoff_ms=round(stop.backoff_seconds * 1000),
            overlap=OverlapPlan(
                voice_ms=round(stop.voice_seconds * 1000),
                num_words=stop.num_words,
                acknowledgements=tuple(phrase.lower() for phrase in stop.acknowledgement_phrases),
                interruptions=tuple(phrase.lower() for phrase in stop.interruption_phrases),
            ),
            silence_ms=round(assistant.silence_timeout_seconds * 1000),
            max_duration_ms=round(assistant.max_duration_seconds * 1000),
            farewell=farewell,
        )


def _endpointing(plan: StartSpeakingPlan) -> EndpointingPlan:
    smart, function = None, ""
    match plan.smart:
        case CustomEndpointing():
            smart = SmartEndpointing.SERVER
        case LivekitEndpointing(wait_function=str(function)) | SmartTurnEndpointing(wait_function=str(function)):
            smart = SmartEndpointing.FUNCTION
        case settings if settings is not None:
            smart = SmartEndpointing.POLICY
    return EndpointingPlan(
        rules=tuple(_rule(rule) for rule in plan.custom_endpointing_rules),
        smart=smart,
        wait_function=function,
        transcription=_transcription(plan.transcription_endpointing_plan),
    )


def _transcription(plan: TranscriptionEndpointingPlan | None) -> TranscriptionWaits | None:
    if plan is None:
        return None
    return TranscriptionWaits(
        punctuation_ms=round(plan.on_punctuation_seconds * 1000),
        no_punctuation_ms=round(plan.on_no_punctuation_seconds * 1000),
        number_ms=round(plan.on_number_seconds * 1000),
    )


def _rule(rule: RuleSettings) -> EndpointingRule:
    wait_ms = round(rule.timeout_seconds * 1000)
    if isinstance(rule, AssistantEndpointingRule):
        return EndpointingRule(wait_ms, assistant=_pattern(rule.regex, rule.regex_options))
    if isinstance(rule, CustomerEndpointingRule):
        return EndpointingRule(wait_ms, customer=_pattern(rule.regex, rule.regex_options))
    return EndpointingRule(
        wait_ms,
        assistant=_pattern(rule.assistant_regex, rule.assistant_regex_options),
        customer=_pattern(rule.customer_regex, rule.customer_regex_options),
    )


def _pattern(text: str, options: list[RegexOption]) -> Pattern:
    on = {option.type for option in options if option.enabled}
    return Pattern(text, "ignore-case" in on, "whole-word" in on, "multi-line" in on)
