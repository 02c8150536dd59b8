"""What the turn machine needs to know of an assistant, in ms and plain texts."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.assistant import Assistant
from gateway.conversation.overlap import OverlapPlan


@dataclass(frozen=True, slots=True)
class TurnPlan:
    """Settings of one conversation; texts are rendered already. `farewell` is said after the endCall tool, when the
    reply itself said nothing a plain goodbye is."""

    greeting: str = ""
    greeting_interruptible: bool = True
    wait_ms: int = 400
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
