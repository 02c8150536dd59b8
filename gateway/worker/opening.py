"""How an assistant finds the call when it gets it, and the providers that it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog

from gateway.assistant.artifact_plan import RecordingConsentPlan
from gateway.assistant.assistant import Assistant
from gateway.assistant.section import Server
from gateway.conversation.journal import Restored
from gateway.conversation.plan import TurnPlan
from gateway.errors import ProviderError, ProviderTimeout
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.base import (
    CallContext,
    LanguageModel,
    Preparable,
    Transcriber,
    TranscriberStream,
    TurnDetector,
    Voice,
    VoiceActivityDetector,
)
from gateway.providers.ended_reasons import ended_reason
from gateway.providers.registry import Providers, make_detector
from gateway.providers.tts.clip import ClipVoice, is_clip
from gateway.providers.turn.detectors import make_turn_detector
from gateway.providers.usage import Meter, Stage, UsageBook, unmetered
from gateway.worker.journal import ProviderNotes

logger = structlog.get_logger(__name__)

PREPARE_SECONDS = 3.0
OPEN_SECONDS = 1.5
"""A gateway asks another worker when this one has not accepted within 2 s."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How an assistant finds the call when it gets it. `call` is the call as tool servers see it, `recorded` whether
    its events are wanted, `usage` what the call used of providers so far.

    `member` is who it is in the squad of the call, `name` and `assistant_id` how it is known there, `shown` its JSON
    without secrets. `tools` are the ids of all tool calls so far.

    `server` is asked where the assistant and its tools have none of their own, `credentials` are the organisation's,
    `destinations` those that the squad gives the assistant, `phone_number` Vapi's, of a call of the control plane.
    `consent`: the assistant only asks for it. `trusted`: the operator wrote the assistant. `decides_transfer`: it talks
    with whom a call is transferred to."""

    call_id: str
    assistant: Assistant
    plan: TurnPlan
    call: Mapping[str, Any]
    restored: Restored
    resumed: bool
    at_ms: int
    backlog: pb.CallerAudio | None
    recorded: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    usage: UsageBook = field(default_factory=UsageBook)
    member: int = 0
    name: str = ""
    previous: str = ""
    assistant_id: str | None = None
    first_message: str = ""
    shown: Mapping[str, Any] = field(default_factory=dict)
    meter: Meter = unmetered
    tools: frozenset[str] = frozenset()
    server: Server | None = None
    credentials: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    destinations: Sequence[Mapping[str, Any]] = ()
    phone_number: Mapping[str, Any] | None = None
    consent: RecordingConsentPlan | None = None
    trusted: bool = False
    decides_transfer: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """The providers of one call."""

    transcriber: Transcriber
    model: LanguageModel
    voice: Voice
    detector: VoiceActivityDetector
    turn_detector: TurnDetector | None
    client: httpx.AsyncClient
    context: CallContext
    notes: ProviderNotes
    names: Mapping[Stage, Sequence[str]]

    @classmethod
    def of(cls, opening: Opening, providers: Providers, client: httpx.AsyncClient) -> Resources:
        """What the assistant names.

        :raises ConfigError: a provider is not known or an option is wrong
        :raises ModelError: a model file is missing
        """
        assistant = opening.assistant
        transcriber = assistant.transcriber or providers.default_transcriber()
        heard_by = [assistant.model.provider] if assistant.model.speaks else [one.provider for one in transcriber.chain]
        shown = assistant.model_dump(mode="json", by_alias=True, exclude_unset=True)
        stages, notes = providers.stages(assistant), ProviderNotes()
        return cls(
            transcriber=stages.transcriber,
            model=stages.model,
            voice=ClipVoice(stages.voice, client, first) if is_clip(first := opening.first_message) else stages.voice,
            detector=make_detector(),
            turn_detector=make_turn_detector(assistant.start_speaking_plan),
            client=client,
            context=CallContext(opening.call_id, opening.call, shown, opening.meter, notes),
            notes=notes,
            names={
                "transcriber": heard_by,
                "model": [settings.provider for settings in assistant.model.chain],
                "voice": [settings.provider for settings in assistant.voice.chain],
            },
        )

    async def prepare(self) -> None:
        """Open the connections before they are needed; what fails is told when it is used."""
        stages: Mapping[Stage, object] = {"transcriber": self.transcriber, "model": self.model, "voice": self.voice}
        await asyncio.gather(*(self._prepare(stage, provider) for stage, provider in stages.items()))

    async def _prepare(self, stage: Stage, provider: object) -> None:
        if not isinstance(provider, Preparable):
            return
        try:
            async with asyncio.timeout(PREPARE_SECONDS):
                await provider.prepare()
        except (ProviderError, TimeoutError) as error:
            logger.info("provider not prepared", call=self.context.call_id, stage=stage, error=str(error))

    def ended_reason(self, stage: Stage, error: ProviderError) -> str:
        """endedReason of a call that all providers of a stage have failed."""
        return ended_reason(stage, self.names[stage], error)

    async def open_transcriber(self) -> TranscriberStream:
        """This call's transcription. :raises ProviderError: it cannot be opened"""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                return await self.transcriber.open(self.context)
        except TimeoutError:
            raise ProviderTimeout(f"The transcriber did not open within {OPEN_SECONDS:.1f} s.") from None
