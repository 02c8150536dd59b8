"""What is said to a caller who says nothing: Vapi's `messagePlan`."""

from __future__ import annotations

from pydantic import Field

from gateway.assistant.section import Section, Spoken


class MessagePlan(Section):
    """Messages for a caller who says nothing, and the last one before the call ends for that."""

    idle_messages: list[Spoken] = Field(default_factory=list)
    idle_timeout_seconds: float = Field(default=10, ge=1, le=60)
    idle_message_max_spoken_count: int = Field(default=3, ge=1, le=10)
    idle_message_reset_count_on_user_speech_enabled: bool = False
    silence_timeout_message: str = Field(default="", max_length=1000)
