"""What the turn machine needs to know of an assistant, in ms and plain texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gateway.assistant.assistant import Assistant
from gateway.assistant.hooks import SpeechTimeoutHook, ToolAction
from gateway.assistant.message_plan import MessagePlan
from gateway.assistant.start_speaking_plan import (
    AssistantEndpointingRule,
    CustomEndpointing,
    CustomerEndpointingRule,
    LivekitEndpointing,
    RegexOption,
    SmartTurnEndpointing,
    StartSpeakingPlan,
    TranscriptionEndpointingPlan,
)
from gateway.assistant.start_speaking_plan import EndpointingRule as RuleSettings
from gateway.conversation.endpointing_rules import (
    EndpointingPlan,
    EndpointingRule,
    Pattern,
    SmartEndpointing,
    TranscriptionWaits,
)
from gateway.conversation.fillers import FillerPlan
from gateway.conversation.keypad import KeypadPlan
from gateway.conversation.overlap import OverlapPlan
from gateway.conversation.silence import Prompt, SilencePlan
from gateway.conversation.voicemail import VoicemailPlan

STILL_THERE = "Are you still there?"
Render = Callable[[str], str]
"""Fills in the templates of a text."""


@dataclass(frozen=True, slots=True)
class TurnPlan:
    """Settings of one conversation; texts are rendered already. `farewell` is said after the endCall tool, when the
    reply itself said nothing a plain goodbye is. With `voicemail` it is found out who answered before it is greeted.
    `makes_greeting`: the model makes the first message."""

    greeting: str = ""
    greeting_interruptible: bool = True
    makes_greeting: bool = False
    speaks_first: bool = True
    wait_ms: int = 250
    endpointing: EndpointingPlan = field(default_factory=EndpointingPlan)
    backoff_ms: int = 1000
    overlap: OverlapPlan = field(default_factory=OverlapPlan)
    silence: SilencePlan = field(default_factory=SilencePlan)
    keypad: KeypadPlan = field(default_factory=KeypadPlan)
    fillers: FillerPlan = field(default_factory=FillerPlan)
    max_duration_ms: int = 600_000
    farewell: str = ""
    goodbye: str = "Goodbye."
    apology: str = "I am sorry, I have a technical problem and cannot go on."
    voicemail: VoicemailPlan | None = None

    @classmethod
    def of(cls, assistant: Assistant, render: Render, *, outbound: bool = False) -> TurnPlan:
        """The plan of an assistant."""
        stop, mode = assistant.stop_speaking_plan, assistant.first_message_mode
        keypad = assistant.keypad_input_plan
        return cls(
            greeting=render(assistant.first_message) if mode == "assistant-speaks-first" else "",
            makes_greeting=mode == "assistant-speaks-first-with-model-generated-message",
            greeting_interruptible=assistant.first_message_interruptions_enabled,
            speaks_first=mode != "assistant-waits-for-user",
            wait_ms=_ms(assistant.start_speaking_plan.wait_seconds),
            endpointing=_endpointing(assistant.start_speaking_plan),
            backoff_ms=_ms(stop.backoff_seconds),
            overlap=OverlapPlan(
                voice_ms=_ms(stop.voice_seconds),
                num_words=stop.num_words,
                acknowledgements=tuple(phrase.lower() for phrase in stop.acknowledgement_phrases),
                interruptions=tuple(phrase.lower() for phrase in stop.interruption_phrases),
            ),
            silence=_silence(assistant, render),
            keypad=KeypadPlan(keypad.enabled, _ms(keypad.timeout_seconds), "".join(keypad.delimiters)),
            fillers=_fillers(assistant, render),
            max_duration_ms=_ms(assistant.max_duration_seconds),
            farewell=render(assistant.end_call_message),
            voicemail=_voicemail(assistant, render) if outbound else None,
        )


def _voicemail(assistant: Assistant, render: Render) -> VoicemailPlan | None:
    """What is done about voicemail on an outbound call; None when nothing is."""
    detection = assistant.voicemail_detection
    if detection is None:
        return None
    backoff = detection.backoff_plan
    watch_seconds = backoff.start_at_seconds + backoff.frequency_seconds * backoff.max_retries
    return VoicemailPlan(
        message=render(assistant.voicemail_message),
        by_sound=detection.type == "audio",
        beep_ms=_ms(detection.beep_max_await_seconds),
        watch_ms=_ms(watch_seconds),
    )


def _endpointing(plan: StartSpeakingPlan) -> EndpointingPlan:
    smart, function = None, ""
    match plan.smart:
        case CustomEndpointing():
            smart = SmartEndpointing.SERVER
        case LivekitEndpointing(wait_function=function):
            smart = SmartEndpointing.FUNCTION
        case SmartTurnEndpointing(wait_function=str(function)):
            smart = SmartEndpointing.FUNCTION_OF_SOUND
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
        punctuation_ms=_ms(plan.on_punctuation_seconds),
        no_punctuation_ms=_ms(plan.on_no_punctuation_seconds),
        number_ms=_ms(plan.on_number_seconds),
    )


def _rule(rule: RuleSettings) -> EndpointingRule:
    wait_ms = _ms(rule.timeout_seconds)
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


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _silence(assistant: Assistant, render: Render) -> SilencePlan:
    """Whoever says nothing about silent callers gets one prompt, half-way to the end."""
    plan, timeout_ms = assistant.message_plan, _ms(assistant.silence_timeout_seconds)
    prompts = [
        _hook(hook, index, render) for index, hook in enumerate(assistant.hooks) if isinstance(hook, SpeechTimeoutHook)
    ]
    if plan is not None and plan.idle_messages:
        prompts.insert(0, _idle_messages(plan, render))
    elif plan is None and not prompts:
        prompts.append(Prompt(timeout_ms // 2, (STILL_THERE,), begins_anew=True))
    message = (plan.silence_timeout_message if plan is not None else "") or assistant.end_call_message
    return SilencePlan(timeout_ms, render(message), tuple(prompts))


def _idle_messages(plan: MessagePlan, render: Render) -> Prompt:
    return Prompt(
        _ms(plan.idle_timeout_seconds),
        _rendered(plan.idle_messages, render),
        plan.idle_message_max_spoken_count,
        begins_anew=plan.idle_message_reset_count_on_user_speech_enabled,
    )


def _hook(hook: SpeechTimeoutHook, index: int, render: Render) -> Prompt:
    options, texts = hook.options, hook.texts
    return Prompt(
        _ms(options.timeout_seconds),
        _rendered(_in_one(texts), render) if texts is not None else (),
        options.trigger_max_count,
        begins_anew=options.trigger_reset_mode == "onUserSpeech",
        ends_call=texts is not None and any(isinstance(action, ToolAction) for action in hook.do),
        hook=index if texts is None else None,
    )


def _in_one(says: Sequence[Sequence[str]]) -> list[str]:
    """What several actions say one after the other, each with its texts in turn."""
    rounds = range(max(map(len, says), default=0))
    return [" ".join(texts[index % len(texts)] for texts in says) for index in rounds]


def _fillers(assistant: Assistant, render: Render) -> FillerPlan:
    plan = assistant.filler_plan
    phrases = _rendered(plan.phrases, render) if plan.enabled else ()
    return FillerPlan(_ms(plan.delay_seconds), tuple(dict.fromkeys(phrases)))


def _rendered(texts: Iterable[str], render: Render) -> tuple[str, ...]:
    """The texts that are not empty once their templates are filled in."""
    return tuple(rendered for text in texts if (rendered := render(text).strip()))
