"""`fillerPlan`, ours and not Vapi's: a few words while the caller waits for the answer."""

from __future__ import annotations

from pydantic import Field

from gateway.assistant.section import Section, Spoken


class FillerPlan(Section):
    """A phrase is said when nothing of the answer is heard `delay_seconds` after the turn was taken."""

    enabled: bool = True
    delay_seconds: float = Field(default=1, ge=0.2, le=10)
    phrases: list[Spoken] = Field(default=["One moment, please.", "Just a second.", "Let me see."], min_length=1)
