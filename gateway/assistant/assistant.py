"""An assistant: who answers a call. Field names are Vapi's, so that an assistant written for Vapi is read as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from gateway.assistant.analysis_plan import AnalysisPlan
from gateway.assistant.artifact_plan import ArtifactPlan, CompliancePlan, MonitorPlan
from gateway.assistant.budget import Budget
from gateway.assistant.filler_plan import FillerPlan
from gateway.assistant.hooks import Hook
from gateway.assistant.keypad_input_plan import KeypadInputPlan
from gateway.assistant.message_plan import MessagePlan
from gateway.assistant.provider_settings import ModelFallbackPlan, ProviderSettings, TranscriberSettings, VoiceSettings
from gateway.assistant.section import Section, Server, listed
from gateway.assistant.start_speaking_plan import StartSpeakingPlan
from gateway.assistant.tool import Tool
from gateway.assistant.voicemail_detection import VoicemailSetting


class Model(ProviderSettings):
    """`fallback_models` are other models of the same provider, as Vapi has them; those of the plan come behind them."""

    messages: list[dict[str, Any]] = Field(default_factory=list)
    tools: list[Tool] = Field(default_factory=list)
    fallback_models: list[str] = Field(default_factory=list)
    fallback_plan: ModelFallbackPlan | None = None

    @property
    def speaks(self) -> bool:
        """It hears and speaks by itself: OpenAI's realtime models."""
        return speaks_by_itself(self.provider, str(self.options.get("model", "")))

    @property
    def chain(self) -> list[ProviderSettings]:
        """This one and those that stand in for it."""
        others = [
            ProviderSettings.model_validate({"provider": self.provider, **self.options, "model": name})
            for name in self.fallback_models
        ]
        return [self, *others, *(self.fallback_plan.models if self.fallback_plan else ())]

    @property
    def silent_stand_ins(self) -> list[ProviderSettings]:
        """Those that stand in for it and need a transcriber and a voice."""
        return [one for one in self.chain[1:] if not speaks_by_itself(one.provider, str(one.options.get("model", "")))]


def speaks_by_itself(provider: object, model: str) -> bool:
    """A model of this name hears and speaks, and is not asked for text."""
    return provider == "openai" and "realtime" in model


SPEAKING_VOICE: Mapping[str, Any] = {
    "provider": "openai",
    "voiceId": "marin",
    "fallbackPlan": {"voices": [{"provider": "hibari"}]},
}
"""Of an assistant without one whose model speaks by itself."""

WRITING_MODEL: Mapping[str, Any] = {"provider": "openai", "model": "gpt-4.1-mini"}
"""In the place of a model that speaks by itself, where it is asked for text: in chats, and after a call."""

ACKNOWLEDGEMENTS = (
    *("okay", "ok", "yeah", "yes", "yep", "right", "that's right", "alright", "all right", "sure", "ah", "mhmm"),
    *("uh-huh", "mhm", "mm-hmm", "i see", "got it", "i got it", "gotcha", "i understand", "understood", "i hear you"),
)
"""Vapi's, and what recognisers make of them."""


class StopSpeakingPlan(Section):
    """When the caller's speech over ours is an interruption."""

    num_words: int = Field(default=0, ge=0, le=10)
    voice_seconds: float = Field(default=0.2, ge=0, le=0.5)
    backoff_seconds: float = Field(default=1, ge=0, le=10)
    acknowledgement_phrases: list[str] = Field(default_factory=lambda: list(ACKNOWLEDGEMENTS))
    interruption_phrases: list[str] = Field(
        default_factory=lambda: ["stop", "no", "wait", "hold on", "actually", "but", "hang on", "excuse me"]
    )


class Assistant(Section):
    """Everything a worker needs to hold a conversation. Without a transcriber it is Deepgram's where there is a key for
    it, else the embedded one. The voice of a model that speaks by itself is OpenAI's, too: fixed texts are its own."""

    name: str = Field(default="", max_length=40)
    first_message: str = ""
    first_message_mode: str = Field(
        default="assistant-speaks-first",
        pattern="^(assistant-speaks-first|assistant-speaks-first-with-model-generated-message|assistant-waits-for-user)$",
    )
    first_message_interruptions_enabled: bool = True
    transcriber: TranscriberSettings | None = None
    model: Model
    voice: VoiceSettings = VoiceSettings(provider="hibari")
    end_call_message: str = ""
    end_call_phrases: list[str] = Field(default_factory=list)
    silence_timeout_seconds: float = Field(default=30, ge=5, le=3600)
    max_duration_seconds: float = Field(default=600, ge=10, le=43200)
    start_speaking_plan: StartSpeakingPlan = StartSpeakingPlan()
    stop_speaking_plan: StopSpeakingPlan = StopSpeakingPlan()
    message_plan: MessagePlan | None = None
    hooks: list[Hook] = Field(default_factory=list)
    keypad_input_plan: KeypadInputPlan = KeypadInputPlan()
    filler_plan: FillerPlan = FillerPlan()
    voicemail_detection: VoicemailSetting = None
    voicemail_message: str = Field(default="", max_length=1000)
    metadata: dict[str, Any] = Field(default_factory=dict)
    server: Server | None = None
    server_messages: Annotated[list[str] | None, BeforeValidator(listed)] = None
    client_messages: Annotated[list[str] | None, BeforeValidator(listed)] = None
    credential_ids: list[str] = Field(default_factory=list)
    analysis_plan: AnalysisPlan | None = None
    artifact_plan: ArtifactPlan = ArtifactPlan()
    monitor_plan: MonitorPlan = MonitorPlan()
    compliance_plan: CompliancePlan = CompliancePlan()
    budget: Budget | None = None

    @property
    def recorded(self) -> bool:
        """The sound of its calls may be kept."""
        return self.artifact_plan.recording_enabled and not self.compliance_plan.forbids_recording

    @model_validator(mode="before")
    @classmethod
    def _voice_of_speaking_model(cls, data: Any) -> Any:
        model = data.get("model") if isinstance(data, dict) else None
        if not isinstance(model, dict) or data.get("voice") is not None:
            return data
        speaks = speaks_by_itself(model.get("provider"), str(model.get("model", "")))
        return {**data, "voice": dict(SPEAKING_VOICE)} if speaks else data
