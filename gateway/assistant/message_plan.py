"""What is said to a caller who says nothing: Vapi's `messagePlan`, and its hook `customer.speech.timeout`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gateway.assistant.section import Section, Spoken, listed


class MessagePlan(Section):
    """Messages for a caller who says nothing, and the last one before the call ends for that."""

    idle_messages: list[Spoken] = Field(default_factory=list)
    idle_timeout_seconds: float = Field(default=10, ge=1, le=60)
    idle_message_max_spoken_count: int = Field(default=3, ge=1, le=10)
    idle_message_reset_count_on_user_speech_enabled: bool = False
    silence_timeout_message: str = Field(default="", max_length=1000)


class SpeechTimeout(Section):
    """When a hook is carried out."""

    timeout_seconds: float = Field(default=7.5, ge=1, le=1000)
    trigger_max_count: int = Field(default=3, ge=1, le=10)
    trigger_reset_mode: Literal["never", "onUserSpeech"] = "never"


class SayAction(Section):
    """Say one of the texts, in turn."""

    type: Literal["say"]
    exact: Annotated[list[Spoken], BeforeValidator(listed), Field(min_length=1)]


class EndCall(Section):
    type: Literal["endCall"]


class ToolAction(Section):
    """End the call."""

    type: Literal["tool"]
    tool: EndCall


HOOKS = ("customer.speech.timeout",)
"""What may be hooked on."""


class Hook(Section):
    """What is done when the caller says nothing for a time."""

    on: Literal["customer.speech.timeout"]
    do: list[Annotated[SayAction | ToolAction, Field(discriminator="type")]] = Field(min_length=1)
    options: SpeechTimeout = SpeechTimeout()
    name: str = Field(default="", max_length=1000)
