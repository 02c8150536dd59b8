"""Vapi's `artifactPlan`, `monitorPlan` and `compliancePlan`: what is kept of a call, and who may follow it."""

from __future__ import annotations

from pydantic import Field

from gateway.assistant.analysis_plan import StructuredOutput
from gateway.assistant.section import Section


class TranscriptPlan(Section):
    """How the transcript's text names the two sides."""

    enabled: bool = True
    assistant_name: str = "AI"
    user_name: str = "User"


class ArtifactPlan(Section):
    """What is kept of a call."""

    recording_enabled: bool = True
    transcript_plan: TranscriptPlan = TranscriptPlan()
    structured_output_ids: list[str] = Field(default_factory=list)
    structured_outputs: list[StructuredOutput] = Field(default_factory=list)


class MonitorPlan(Section):
    """Who may listen to a live call and control it. With authentication it takes a key of the organisation."""

    listen_enabled: bool = True
    listen_authentication_enabled: bool = False
    control_enabled: bool = True
    control_authentication_enabled: bool = False


class CompliancePlan(Section):
    """With HIPAA or PCI the sound of a call is not kept."""

    hipaa_enabled: bool = False
    pci_enabled: bool = False

    @property
    def forbids_recording(self) -> bool:
        """The sound of the call may not be stored."""
        return self.hipaa_enabled or self.pci_enabled
