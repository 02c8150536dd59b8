"""How an assistant finds out that a voicemail answered, with Vapi's field names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gateway.assistant.section import Section


class BackoffPlan(Section):
    """Vapi asks its detector again and again; ours listens all the time, until the last of these attempts."""

    start_at_seconds: float = Field(default=5, ge=0, le=3600)
    frequency_seconds: float = Field(default=5, ge=2.5, le=3600)
    max_retries: int = Field(default=6, ge=1, le=10)


class VoicemailDetection(Section):
    """Detection on outbound calls. Every provider of Vapi's is Parley's own detector here."""

    provider: Literal["vapi", "google", "openai", "twilio"] = "vapi"
    type: Literal["audio", "transcript"] = "audio"
    beep_max_await_seconds: float = Field(default=30, ge=0, le=30)
    backoff_plan: BackoffPlan = BackoffPlan()


def _off(value: object) -> object:
    """Vapi's "off", which YAML reads as false when it is not quoted."""
    return None if value is False or value == "off" else value


VoicemailSetting = Annotated[VoicemailDetection | None, BeforeValidator(_off)]
"""None is off."""
