"""Vapi's hooks: what is done when something happens in a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from gateway.assistant.section import Section, Spoken, listed
from gateway.assistant.tool import Tool

HOOKS = (
    "call.ending",
    "assistant.speech.interrupted",
    "customer.speech.interrupted",
    "customer.speech.timeout",
    "call.timeElapsed",
)
"""What may be hooked on."""


class SpeechTimeout(Section):
    """When a hook is carried out."""

    timeout_seconds: float = Field(default=7.5, ge=1, le=1000)
    trigger_max_count: int = Field(default=3, ge=1, le=10)
    trigger_reset_mode: Literal["never", "onUserSpeech"] = "never"


class TimeElapsed(Section):
    """Once, so long after the answer."""

    seconds: float = Field(ge=1, le=3600)


class SayAction(Section):
    """Say one of the texts, or what the model answers to a prompt."""

    type: Literal["say"]
    exact: Annotated[list[Spoken], BeforeValidator(listed)] = Field(default_factory=list)
    prompt: str | list[dict[str, Any]] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> SayAction:
        if not self.exact and not self.prompt:
            raise PydanticCustomError("say", "an action with exact or prompt")
        return self


class ToolAction(Section):
    """Run a tool."""

    type: Literal["tool"]
    tool: Tool


class HookMessage(Section):
    role: Literal["system", "user", "assistant", "function", "tool", "developer"]
    content: str = Field(max_length=10_000)


class MessageAction(Section):
    """Put a message into the conversation, and let the model answer it."""

    type: Literal["message.add"]
    message: HookMessage
    trigger_response_enabled: bool = True


Action = Annotated[SayAction | ToolAction | MessageAction, Field(discriminator="type")]


class HookFilter(Section):
    """The value at `key` is one of these."""

    type: Literal["oneOf"]
    key: str
    one_of: list[str] = Field(min_length=1)


class _Hook(Section):
    do: list[Action] = Field(min_length=1)
    name: str = Field(default="", max_length=1000)


class SpeechTimeoutHook(_Hook):
    """The caller says nothing for a time."""

    on: Literal["customer.speech.timeout"]
    options: SpeechTimeout = SpeechTimeout()

    @property
    def texts(self) -> list[Sequence[str]] | None:
        """What its actions say, when they do nothing but say fixed texts and end the call; else None."""
        plain = all(
            action.tool.type == "endCall" if isinstance(action, ToolAction) else isinstance(action, SayAction)
            for action in self.do
        )
        says = [action for action in self.do if isinstance(action, SayAction)]
        if not plain or any(action.prompt for action in says):
            return None
        return [action.exact for action in says]


class InterruptedHook(_Hook):
    """The caller interrupts the assistant, or the assistant the caller."""

    on: Literal["assistant.speech.interrupted", "customer.speech.interrupted"]


class CallEndingHook(_Hook):
    """The call is over; nothing can be said any more."""

    on: Literal["call.ending"]
    filters: list[HookFilter] = Field(default_factory=list)

    def holds(self, ended_reason: str) -> bool:
        """Whether it is carried out at such an end."""
        return all(ended_reason in one.one_of for one in self.filters if one.key in ("call.endedReason", "endedReason"))


class TimeElapsedHook(_Hook):
    on: Literal["call.timeElapsed"]
    options: TimeElapsed


Hook = Annotated[SpeechTimeoutHook | InterruptedHook | CallEndingHook | TimeElapsedHook, Field(discriminator="on")]
