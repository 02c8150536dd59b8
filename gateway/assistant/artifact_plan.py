"""Vapi's `artifactPlan`, `monitorPlan` and `compliancePlan`: what is kept of a call, and who may follow it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from gateway.assistant.analysis_plan import StructuredOutput
from gateway.assistant.section import Section


class TranscriptPlan(Section):
    """How the transcript's text names the two sides."""

    enabled: bool = True
    assistant_name: str = "AI"
    user_name: str = "User"


class ArtifactPlan(Section):
    """What is kept of a call. `pcap_enabled` is about its SIP messages, and packets where the settings keep them."""

    recording_enabled: bool = True
    pcap_enabled: bool = True
    transcript_plan: TranscriptPlan = TranscriptPlan()
    structured_output_ids: list[str] = Field(default_factory=list)
    structured_outputs: list[StructuredOutput] = Field(default_factory=list)


class MonitorPlan(Section):
    """Who may listen to a live call and control it. With authentication it takes a key of the organisation."""

    listen_enabled: bool = True
    listen_authentication_enabled: bool = False
    control_enabled: bool = True
    control_authentication_enabled: bool = False


class RecordingConsentPlan(Section):
    """The caller is told of the recording before its first sample, by a voice of its own where there is one. Whoever is
    `stay-on-line` for `wait_seconds` after it consents; `verbal` takes a yes. A caller who says no goes on unrecorded
    with the assistant, or meets `decline_tool`."""

    type: Literal["stay-on-line", "verbal"]
    message: str = Field(min_length=1, max_length=1000)
    voice: dict[str, Any] | None = None
    first_message_mode: Literal["assistant-speaks-first", "assistant-waits-for-user"] = "assistant-speaks-first"
    wait_seconds: float = Field(default=3, ge=1, le=6)
    decline_tool: dict[str, Any] | None = None


class RecordingPausePlan(Section):
    """How the recording is paused for what is confidential, where the settings' way is not the right one: keys of the
    telephone, and the longest pause."""

    pause_keys: str | None = Field(default=None, pattern=r"^[0-9*#A-D]{1,8}$")
    resume_keys: str | None = Field(default=None, pattern=r"^[0-9*#A-D]{1,8}$")
    max_seconds: float | None = Field(default=None, ge=1, le=3600)


class CompliancePlan(Section):
    """With HIPAA or PCI the sound of a call is not kept."""

    hipaa_enabled: bool = False
    pci_enabled: bool = False
    recording_consent_plan: RecordingConsentPlan | None = None
    recording_pause_plan: RecordingPausePlan | None = None

    @property
    def forbids_recording(self) -> bool:
        """The sound of the call may not be stored."""
        return self.hipaa_enabled or self.pci_enabled
