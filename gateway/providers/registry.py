"""Makes providers from settings: an embedded one by its name, anybody's by "package.module:Class".

A provider is made once per process and settings, and shared by all calls.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from gateway.assistant.assistant import Assistant, Model, ProviderSettings
from gateway.assistant.start_speaking_plan import SmartTurnEndpointing, StartSpeakingPlan
from gateway.errors import ConfigError
from gateway.providers.base import LanguageModel, Transcriber, TurnDetector, Voice, VoiceActivityDetector
from gateway.providers.turn.prosody import ProsodyJudge

if TYPE_CHECKING:
    from gateway.providers.stt.recogniser import Recogniser
    from gateway.providers.turn.smart_turn import SmartTurn
    from gateway.providers.vad.silero import SileroModel

logger = structlog.get_logger(__name__)

Options = dict[str, Any]
Provider = TypeVar("Provider")
Settings = TypeVar("Settings", bound=ProviderSettings)


@runtime_checkable
class Warmable(Protocol):
    """A provider whose first use is slow."""

    async def warm_up(self) -> None:
        """Do once what would make the first caller wait."""
        ...


class EmbeddedOptions(BaseModel):
    """Options of the embedded transcribers and voice: all of them speak English."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    language: str = Field(default="en", pattern="^en(-[A-Za-z]+)?$")


class HibariOptions(EmbeddedOptions):
    """`speed` 1 is the voice's own pace."""

    voice_id: str = Field(default="heart", pattern="^heart$")
    speed: float = Field(default=1.0, ge=0.5, le=2.0)


class DialogueOptions(BaseModel):
    """`file` is the dialogue's YAML file."""

    model_config = ConfigDict(extra="forbid")

    file: Path


def make_transcriber(settings: ProviderSettings) -> Transcriber:
    """The transcriber of these settings.

    :raises ConfigError: no such provider, or an option is wrong
    :raises ModelError: a model file is missing or damaged
    """
    return cast(Transcriber, _shared("transcriber", settings, _TRANSCRIBERS))


def make_voice(settings: ProviderSettings) -> Voice:
    """The voice of these settings; raises as `make_transcriber`."""
    return cast(Voice, _shared("voice", settings, _VOICES))


def make_model(settings: Model) -> LanguageModel:
    """The language model of these settings; raises as `make_transcriber`."""
    return cast(LanguageModel, _shared("model", settings, _MODELS))


def make_detector() -> VoiceActivityDetector:
    """A voice activity detector for one call.

    :raises ModelError: the model file is missing or damaged
    """
    return _silero().open()


def make_turn_detector(plan: StartSpeakingPlan) -> TurnDetector:
    """What judges the ends of turns by sound: smart-turn where the assistant asks for it, else the prosody.

    :raises ModelError: the model that was asked for is missing or damaged
    """
    return _smart_turn() if isinstance(plan.smart, SmartTurnEndpointing) else ProsodyJudge()


async def warm_up(assistants: Iterable[Assistant]) -> None:
    """Load all that these assistants need and run it once.

    :raises ConfigError: a provider or option is wrong
    :raises ModelError: a model file is missing or damaged
    """
    chosen = list(assistants)
    # Each kind in a thread of its own: loading models is most of a worker's start, and there are two cores at least.
    await asyncio.gather(
        _load(make_transcriber, [assistant.transcriber for assistant in chosen]),
        _load(make_voice, [assistant.voice for assistant in chosen]),
        _load(make_model, [assistant.model for assistant in chosen]),
        asyncio.to_thread(lambda: make_detector().push(bytes(2048))),
        _warm_turn_detectors([assistant.start_speaking_plan for assistant in chosen]),
    )


async def _load(make: Callable[[Settings], object], chosen: Iterable[Settings]) -> None:
    for settings in chosen:
        provider = await asyncio.to_thread(make, settings)
        if isinstance(provider, Warmable):
            await provider.warm_up()


async def _warm_turn_detectors(plans: Iterable[StartSpeakingPlan]) -> None:
    for plan in plans:
        detector = await asyncio.to_thread(make_turn_detector, plan)
        await detector.judge(bytes(2048))


# ---------------------------------------------------------------- the embedded providers


@functools.cache
def embedded_recognisers() -> dict[str, Recogniser]:
    """The recognisers behind the embedded transcribers, by name; loaded at the first call.

    :raises ModelError: a model file is missing or damaged
    """
    from gateway.providers.stt.embedded import EmbeddedRecogniser
    from gateway.providers.stt.moonshine import Moonshine
    from gateway.providers.stt.whisper import LONGEST_SECONDS, Whisper

    moonshine, whisper = Moonshine(), Whisper(runs=_cores())
    both = EmbeddedRecogniser(whisper, moonshine, longest_seconds=LONGEST_SECONDS)
    return {"embedded": both, "moonshine": moonshine, "whisper": whisper}


def _make_segmented(name: str, options: Options) -> Transcriber:
    from gateway.providers.stt.segment import SegmentTranscriber

    _check(EmbeddedOptions, options)
    return SegmentTranscriber(embedded_recognisers()[name], recognition_pool())


def _make_hibari(options: Options) -> Voice:
    from gateway.providers.tts.embedded import EmbeddedVoice
    from gateway.providers.tts.hibari import HibariSynthesiser

    checked = _check(HibariOptions, options)
    return EmbeddedVoice(HibariSynthesiser(speed=checked.speed), _voice_pool())


def _make_dialogue(options: Options) -> LanguageModel:
    from gateway.providers.llm.dialogue import DialogueModel, load_dialogue

    return DialogueModel(load_dialogue(_check(DialogueOptions, options).file))


def _make_openai(options: Options) -> LanguageModel:
    from gateway.providers.llm.openai_compatible import OpenAiCompatibleModel, OpenAiOptions

    return OpenAiCompatibleModel(_check(OpenAiOptions, options))


_TRANSCRIBERS: dict[str, Callable[[Options], object]] = {
    name: functools.partial(_make_segmented, name) for name in ("embedded", "moonshine", "whisper")
}
_VOICES: dict[str, Callable[[Options], object]] = {"hibari": _make_hibari}
_MODELS: dict[str, Callable[[Options], object]] = {
    "dialogue": _make_dialogue,
    "openai": _make_openai,
    "custom-llm": _make_openai,
}


@functools.cache
def recognition_pool() -> Executor:
    """Threads of all recognisers: one per core, so that a burst of segments queues here and not in the scheduler."""
    return ThreadPoolExecutor(_cores(), thread_name_prefix="recognition")


@functools.cache
def _voice_pool() -> Executor:
    return ThreadPoolExecutor(1, thread_name_prefix="voice")


@functools.cache
def _silero() -> SileroModel:
    from gateway.providers.vad.silero import SileroModel

    return SileroModel()


@functools.cache
def _smart_turn() -> SmartTurn:
    from gateway.providers.turn.smart_turn import SmartTurn

    return SmartTurn(ThreadPoolExecutor(_cores(), thread_name_prefix="turn ends"))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


# ---------------------------------------------------------------- by name and options

_made: dict[tuple[str, str, str], object] = {}


def _shared(kind: str, settings: ProviderSettings, known: dict[str, Callable[[Options], object]]) -> object:
    options = settings.options
    key = (kind, settings.provider, json.dumps(options, sort_keys=True, default=repr))
    if key not in _made:
        make = known.get(settings.provider) or _importer(kind, settings.provider, known)
        _made[key] = make(options)
        logger.info("provider made", kind=kind, provider=settings.provider)
    return _made[key]


def _importer(kind: str, name: str, known: Iterable[str]) -> Callable[[Options], object]:
    """The class that a name like "package.module:Class" means, called with the options as keywords."""
    module_name, separator, class_name = name.partition(":")
    if not separator:
        raise ConfigError(
            f'There is no {kind} provider "{name}"; write one of {", ".join(sorted(known))}, '
            'or "package.module:Class" for one of your own.'
        )
    try:
        provider = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f'The {kind} provider "{name}" cannot be imported: {error}.') from error

    def make(options: Options) -> object:
        try:
            return cast(object, provider(**options))
        except TypeError as error:
            raise ConfigError(f'The {kind} provider "{name}" does not take these options: {error}.') from error

    return make


Checked = TypeVar("Checked", bound=BaseModel)


def _check(model: type[Checked], options: Options) -> Checked:
    try:
        return model.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"The provider option {where} is wrong: {first['msg']}.") from error
