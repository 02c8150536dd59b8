"""Reading a StartCall: the assistant, its texts, the conversation so far, and the providers that it needs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog
from pydantic import ValidationError

from gateway.assistant.assistant import Assistant
from gateway.conversation.journal import Entry, Restored, restore
from gateway.conversation.plan import TurnPlan
from gateway.conversation.templates import nested, render
from gateway.errors import ConfigError, ProviderError, ProviderTimeout
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import SAMPLE_BYTES, ms_to_samples
from gateway.providers.base import (
    CallContext,
    ChatMessage,
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
from gateway.providers.turn.detectors import make_turn_detector
from gateway.providers.usage import Stage, UsageBook

logger = structlog.get_logger(__name__)

PREPARE_SECONDS = 3.0
OPEN_SECONDS = 1.5
"""A gateway asks another worker when this one has not accepted within 2 s."""
_DIRECTIONS = {pb.DIRECTION_OUTBOUND: "outboundPhoneCall"}


@dataclass(frozen=True, slots=True)
class Opening:
    """A StartCall, understood. `call` is the call as tool servers see it, `recorded` whether its events are wanted,
    `usage` what the call used of providers so far."""

    call_id: str
    assistant: Assistant
    plan: TurnPlan
    system: tuple[ChatMessage, ...]
    call: Mapping[str, Any]
    restored: Restored
    resumed: bool
    at_ms: int
    backlog: pb.CallerAudio | None
    recorded: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    usage: UsageBook = field(default_factory=UsageBook)


def read_start(start: pb.StartCall) -> Opening:
    """Understand a StartCall.

    :raises ConfigError: the assistant is not valid
    """
    assistant = _assistant(start.assistant_json)
    variables = _variables(start)
    outbound = start.direction == pb.DIRECTION_OUTBOUND
    entries = [Entry(entry.at_ms, entry.kind, json.loads(entry.json or "{}")) for entry in start.journal]
    return Opening(
        call_id=start.call_id,
        assistant=assistant,
        plan=TurnPlan.of(assistant, lambda text: render(text, variables), outbound=outbound),
        system=_system_messages(assistant, variables),
        call=_call(start, variables),
        restored=restore(entries, start.at_ms),
        resumed=bool(entries) or start.at_ms > 0,
        at_ms=start.at_ms,
        backlog=_backlog(start, entries),
        recorded=start.record_events,
        variables=_found(variables, entries),
        usage=UsageBook(next((entry.data["rows"] for entry in reversed(entries) if entry.kind == "usage"), ())),
    )


def _assistant(text: str) -> Assistant:
    try:
        return Assistant.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "assistant"
        raise ConfigError(f"The assistant of the call is not valid: {where}: {first['msg']}.") from error


def _variables(start: pb.StartCall) -> dict[str, Any]:
    values = json.loads(start.variables_json or "{}")
    return nested({"call.id": start.call_id, **values})


def _found(variables: Mapping[str, Any], entries: Sequence[Entry]) -> dict[str, Any]:
    """The variables, with what tools of the call have found out since."""
    result = dict(variables)
    for entry in entries:
        if entry.kind == "variable":
            result.update(entry.data.get("values", {}))
    return result


def _system_messages(assistant: Assistant, variables: Mapping[str, Any]) -> tuple[ChatMessage, ...]:
    return tuple(
        ChatMessage(str(message.get("role", "system")), render(str(message.get("content", "")), variables))
        for message in assistant.model.messages
    )


def _call(start: pb.StartCall, variables: Mapping[str, Any]) -> dict[str, Any]:
    call = {"id": start.call_id, "type": _DIRECTIONS.get(start.direction, "inboundPhoneCall")}
    return call | {name: variables[name] for name in ("customer", "phoneNumber") if name in variables}


def _backlog(start: pb.StartCall, entries: list[Entry]) -> pb.CallerAudio | None:
    """The audio since the last turn that the caller finished: what came before it has been understood."""
    if not start.HasField("backlog"):
        return None
    known = max((int(e.data.get("end_ms", 0)) for e in entries if e.kind == "caller-turn"), default=0)
    skip = max(0, ms_to_samples(known - start.backlog.at_ms)) * SAMPLE_BYTES
    at_ms = max(known, start.backlog.at_ms)
    return pb.CallerAudio(at_ms=at_ms, pcm=start.backlog.pcm[skip:])


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
        stages = providers.stages(assistant)
        return cls(
            transcriber=stages.transcriber,
            model=stages.model,
            voice=stages.voice,
            detector=make_detector(),
            turn_detector=make_turn_detector(assistant.start_speaking_plan),
            client=client,
            context=CallContext(opening.call_id, opening.call, shown, opening.usage.add),
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
