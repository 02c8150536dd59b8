"""Makes providers from settings: Parley's own by their names, anybody's by "package.module:Class".

A provider is made once per process and settings, and shared by all calls. What an assistant gets is the provider that
it names, together with those that stand in for it. Making one may import an SDK and read certificates, which takes up
to a second: calls have it done in a thread, so that the event loop goes on.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

import structlog
from pydantic import BaseModel, ValidationError

from gateway.assistant.assistant import Assistant, Model, speaks_by_itself
from gateway.assistant.provider_settings import ProviderSettings, TranscriberSettings, VoiceSettings
from gateway.assistant.start_speaking_plan import StartSpeakingPlan
from gateway.errors import ConfigError, ProviderError
from gateway.providers.base import Closable, LanguageModel, Transcriber, Voice, VoiceActivityDetector, Warmable
from gateway.providers.catalogue import BY_STAGE, REALTIME, Entry
from gateway.providers.credentials import Credential, Credentials, where_keys_go
from gateway.providers.failover.candidate import Candidate
from gateway.providers.failover.model import failover_model
from gateway.providers.failover.transcriber import failover_transcriber
from gateway.providers.failover.voice import failover_voice
from gateway.providers.health import CircuitRules, Health
from gateway.providers.options import ProviderOptions
from gateway.providers.realtime.choice import Choice
from gateway.providers.tts.cache import CachedVoice, KeptVoice, Phrases
from gateway.providers.tts.phrase_store import PhraseStore
from gateway.providers.tts.rewording import RewordingVoice
from gateway.providers.turn.detectors import make_turn_detector
from gateway.providers.usage import Stage
from gateway.settings import FailoverSettings, Settings

if TYPE_CHECKING:
    from gateway.providers.realtime.openai import OpenAiRealtime

logger = structlog.get_logger(__name__)

Options = Mapping[str, Any]
Kind = TypeVar("Kind")
Join = Callable[[Sequence[Candidate[Kind]], FailoverSettings], Kind]


_REALTIME_TRANSCRIPT_SECONDS = 3.0
"""A session's transcripts take longer than a transcriber's, and to give it up is to give up its answers, too."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Who hears, answers and speaks for an assistant. A model that speaks by itself is its own transcriber, and the
    voice is for fixed texts."""

    transcriber: Transcriber
    model: LanguageModel
    voice: Voice


class Providers:
    """The providers of this process.

    :param health: what is known of them, shared by all calls
    :param phrases: where speech is kept, None for nowhere
    :param tenant: whose they are, for what is kept of them; empty for the operator
    :param embedded: makes those that need no access, whose models are in memory once; None for these themselves
    """

    def __init__(
        self,
        credentials: Credentials | None = None,
        *,
        failover: FailoverSettings | None = None,
        health: Health | None = None,
        phrases: PhraseStore | None = None,
        tenant: str = "",
        embedded: Providers | None = None,
    ) -> None:
        self._phrases = phrases
        self._tenant = tenant
        self._embedded = embedded
        self._credentials = credentials or Credentials()
        self._failover = failover or FailoverSettings()
        rules = CircuitRules(self._failover.breaker_failures, self._failover.breaker_seconds)
        self.health = health or Health(rules)
        self._made: dict[tuple[Stage, str], object] = {}
        self._joined: dict[tuple[Stage, str], object] = {}
        self._making: dict[tuple[Stage, str], threading.RLock] = {}

    @classmethod
    def of(cls, settings: Settings) -> Providers:
        """As the settings want them."""
        cache = settings.voice_cache
        phrases = PhraseStore(settings.data_dir / "voice-cache", cache.megabytes << 20) if cache.enabled else None
        return cls(Credentials(settings.credentials), failover=settings.failover, phrases=phrases)

    def of_tenant(self, tenant: str, credentials: Iterable[Credential], *, all_shared: bool) -> Providers:
        """Providers with an organisation's own access, of which no other organisation has a part.

        :param tenant: whose they are
        :param all_shared: the credentials of the settings are for it, too
        """
        return Providers(
            self._credentials.for_tenant(credentials, all_shared=all_shared),
            failover=self._failover,
            phrases=self._phrases,
            tenant=tenant,
            embedded=self,
        )

    @property
    def made(self) -> int:
        """How many were made."""
        return len(self._made) + len(self._joined)

    # ------------------------------------------------------------ for an assistant

    def stages(self, assistant: Assistant) -> Stages:
        """Who hears, answers and speaks for an assistant; raises as `transcriber`."""
        voice = self.voice(assistant.voice)
        if assistant.model.speaks:
            return self._speaking(assistant, voice)
        return Stages(self.transcriber(assistant.transcriber), self.model(assistant.model), voice)

    def transcriber(self, settings: TranscriberSettings | None) -> Transcriber:
        """The transcriber of these settings, None for the default.

        :raises ConfigError: no such provider, its package or key is missing, or an option is wrong
        :raises ModelError: a model file is missing or damaged
        """
        chosen = settings or self.default_transcriber()
        return self._joint("transcriber", chosen.chain, failover_transcriber)

    def model(self, settings: Model) -> LanguageModel:
        """The language model of these settings; raises as `transcriber`."""
        return self._joint("model", settings.chain, failover_model)

    def voice(self, settings: VoiceSettings) -> Voice:
        """The voice of these settings; raises as `transcriber`."""
        voice = self._spoken(settings)
        return RewordingVoice(voice, settings.replacements) if settings.replacements else voice

    def _spoken(self, settings: VoiceSettings) -> Voice:
        if self._phrases is None or not (settings.caching_enabled and _remote("voice", settings)):
            return self._joint("voice", settings.chain, failover_voice)
        key: tuple[Stage, str] = ("voice", "\n".join(["cached", *map(_key, settings.chain)]))
        with self._once(key):
            if key not in self._joined:
                name = " ".join(filter(None, [self._tenant, _key(settings)]))
                self._joined[key] = self._cached_voice(settings, Phrases(self._phrases, name))
            return cast(Voice, self._joined[key])

    def default_transcriber(self) -> TranscriberSettings:
        """Deepgram where there is a key for it, else the embedded one."""
        return TranscriberSettings(provider="deepgram" if self._credentials.of("deepgram").key else "embedded")

    async def warm_up(self, assistants: Iterable[Assistant]) -> None:
        """Load all that these assistants need and run it once.

        :raises ConfigError: a provider or option is wrong
        :raises ModelError: a model file is missing or damaged
        """
        given = list(assistants)
        chosen = [assistant for assistant in given if not assistant.model.speaks]
        # Each kind in a thread: loading models is most of a worker's start, and there are two cores at least.
        await asyncio.gather(
            _each(self.transcriber, [assistant.transcriber for assistant in chosen]),
            _each(self.voice, [assistant.voice for assistant in given]),
            _each(self.model, [assistant.model for assistant in chosen]),
            _each(self._realtime, [assistant for assistant in given if assistant.model.speaks]),
            asyncio.to_thread(lambda: make_detector().push(bytes(2048))),
            _warm_turn_detectors([assistant.start_speaking_plan for assistant in given]),
        )
        # Those that stand in are warmed too: they are needed when time is short.
        await asyncio.gather(*(made.warm_up() for made in self._made.values() if isinstance(made, Warmable)))

    async def close(self) -> None:
        """End the connections that providers keep."""
        for provider in list(self._made.values()):
            if isinstance(provider, Closable):
                try:
                    await provider.close()
                except ProviderError as error:
                    logger.warning("provider did not close", error=str(error))

    # ------------------------------------------------------------ one by one

    def make(self, stage: Stage, settings: ProviderSettings) -> object:
        """One provider, without those that stand in for it; raises as `transcriber`."""
        if stage == "model" and speaks_by_itself(settings.provider, str(settings.options.get("model", ""))):
            name = settings.options["model"]
            raise ConfigError(
                f'The model "{name}" hears and speaks by itself: an assistant names it as its model, not as a stand-in.'
            )
        if self._embedded is not None and _embedded(stage, settings):
            return self._embedded.make(stage, settings)
        key = (stage, _key(settings))
        with self._once(key):
            if key not in self._made:
                known = BY_STAGE[stage]
                entry = known.get(settings.provider)
                self._made[key] = self._enter(stage, settings, entry) if entry else _import(stage, settings, known)
                logger.info("provider made", stage=stage, provider=settings.provider)
            return self._made[key]

    def _once(self, key: tuple[Stage, str]) -> threading.RLock:
        """Two threads that want the same make one; who wants something else does not wait."""
        return self._making.setdefault(key, threading.RLock())

    def credential(self, provider: str) -> Credential:
        """What gives access to a provider; without a key when there is none."""
        return self._credentials.of(provider)

    def _enter(self, stage: Stage, settings: ProviderSettings, entry: Entry) -> object:
        module = _module(stage, settings.provider, entry)
        options = _options(stage, settings, entry, module)
        return cast(object, module.make(options, self._access(stage, settings.provider, entry)))

    def _access(self, stage: Stage, provider: str, entry: Entry) -> Credential:
        credential = self._credentials.of(provider)
        if entry.key and not credential.key:
            raise ConfigError(f'The {stage} provider "{provider}" needs a key: {where_keys_go(provider)}.')
        return credential

    def _speaking(self, assistant: Assistant, voice: Voice) -> Stages:
        """A model that speaks by itself is alone, or those that stand in for it make three stages with the voice. Also
        when it is alone, a session that hangs is followed by another."""
        realtime, stand_ins = self._realtime(assistant), assistant.model.silent_stand_ins
        if len(stand_ins) < len(assistant.model.chain) - 1:
            logger.warning("a model that speaks by itself cannot stand in for another", model=assistant.model.provider)
        name = f"openai {assistant.model.options['model']}"
        chain = (assistant.transcriber or self.default_transcriber()).chain
        patient = self._failover.model_copy(update={"transcript_seconds": _REALTIME_TRANSCRIPT_SECONDS})
        hearing = Candidate(name, realtime, self.health.circuit("transcriber", self._place(name, "openai")))
        if not stand_ins:
            return Stages(failover_transcriber([hearing], self._failover), realtime, voice)
        answering = Candidate(name, realtime, self.health.circuit("model", self._place(name, "openai")))
        transcribers = [cast(Candidate[Transcriber], self._candidate("transcriber", one)) for one in chain]
        models = [cast(Candidate[LanguageModel], self._candidate("model", one)) for one in stand_ins]
        return Stages(
            failover_transcriber([hearing, *transcribers], patient),
            failover_model([answering, *models], self._failover),
            voice,
        )

    def _realtime(self, assistant: Assistant) -> OpenAiRealtime:
        """The model that speaks by itself; one for all assistants that want the same of it."""
        choice = Choice.of(assistant)
        key: tuple[Stage, str] = ("model", f"realtime {choice}")
        with self._once(key):
            if key not in self._made:
                self._made[key] = self._session_of(assistant, choice)
                logger.info("provider made", stage="model", provider="openai", model=choice.options["model"])
            return cast("OpenAiRealtime", self._made[key])

    def _session_of(self, assistant: Assistant, choice: Choice) -> object:
        module = _module("model", assistant.model.provider, REALTIME)
        named = self._place(f"openai {choice.options['model']}", "openai")
        return cast(
            object,
            module.make(
                _options("model", assistant.model, REALTIME, module),
                self._access("model", assistant.model.provider, REALTIME),
                voice=choice.voice,
                transcriber=choice.transcriber,
                language=choice.language,
                failover=self._failover,
                circuit=self.health.circuit("model", named),
            ),
        )

    def _joint(self, stage: Stage, chain: Sequence[ProviderSettings], join: Join[Kind]) -> Kind:
        key = (stage, "\n".join(map(_key, chain)))
        with self._once(key):
            if key not in self._joined:
                candidates = [self._candidate(stage, settings) for settings in chain]
                alone = len(chain) == 1 and _embedded(stage, chain[0])
                joined = candidates[0].provider if alone else join(cast(Any, candidates), self._failover)
                self._joined[key] = joined
            return cast(Kind, self._joined[key])

    def _cached_voice(self, settings: VoiceSettings, phrases: Phrases) -> Voice:
        """Only what the first voice says is kept: one in another voice would be heard long after its need."""
        first, *others = [cast(Candidate[Voice], self._candidate("voice", one)) for one in settings.chain]
        kept = Candidate(first.name, KeptVoice(first.provider, phrases), first.circuit)
        return CachedVoice(failover_voice([kept, *others], self._failover), phrases)

    def _candidate(self, stage: Stage, settings: ProviderSettings) -> Candidate[object]:
        name = " ".join(filter(None, [settings.provider, str(settings.options.get("model", ""))]))
        circuit = self.health.circuit(stage, self._place(name, settings.provider, _address(settings.options)))
        return Candidate(name, self.make(stage, settings), circuit)

    def _place(self, name: str, provider: str, url: object = None) -> str:
        """The name with the host: the rest of an address may hold what nobody should read in a log."""
        address = str(url or self._credentials.of(provider).api_url or "")
        host = urlsplit(address).netloc.rpartition("@")[2]
        return " ".join(filter(None, [name, host]))


def _address(options: Options) -> object:
    """The address that an assistant names itself, None where it names none."""
    server = options.get("server")
    of_server = server.get("url") if isinstance(server, Mapping) else None
    return options.get("url") or options.get("realtimeUrl") or of_server


def make_detector() -> VoiceActivityDetector:
    """A voice activity detector for one call.

    :raises ModelError: the model file is missing or damaged
    """
    from gateway.providers.vad.silero import silero

    return silero().open()


async def _each(make: Callable[[Any], object], chosen: Iterable[object]) -> None:
    for settings in chosen:
        await asyncio.to_thread(make, settings)


async def _warm_turn_detectors(plans: Iterable[StartSpeakingPlan]) -> None:
    for plan in plans:
        detector = await asyncio.to_thread(make_turn_detector, plan)
        await detector.judge(bytes(2048))


# ---------------------------------------------------------------- by name and options


def _key(settings: ProviderSettings) -> str:
    return f"{settings.provider} {json.dumps(settings.options, sort_keys=True, default=repr)}"


def _remote(stage: Stage, settings: ProviderSettings) -> bool:
    entry = BY_STAGE[stage].get(settings.provider)
    return entry is not None and not entry.embedded


def _embedded(stage: Stage, settings: ProviderSettings) -> bool:
    entry = BY_STAGE[stage].get(settings.provider)
    return entry is not None and entry.embedded


def _options(stage: Stage, settings: ProviderSettings, entry: Entry, module: ModuleType) -> BaseModel:
    options = _check(module.Options, {**entry.defaults, **settings.options})
    if isinstance(options, ProviderOptions) and options.unused:
        logger.warning("settings without effect", stage=stage, provider=settings.provider, settings=options.unused)
    return options


def _module(stage: Stage, name: str, entry: Entry) -> ModuleType:
    try:
        return importlib.import_module(entry.module)
    except ImportError as error:
        if not entry.extra:
            raise
        raise ConfigError(
            f'The {stage} provider "{name}" needs a package that is not installed ({error.name}): '
            f'pip install "parley-gateway[{entry.extra}]", or `make providers` in a checkout.'
        ) from error


def _import(stage: Stage, settings: ProviderSettings, known: Iterable[str]) -> object:
    """The class that a name like "package.module:Class" means, called with the options as keywords."""
    name = settings.provider
    module_name, separator, class_name = name.partition(":")
    if not separator:
        raise ConfigError(
            f'There is no {stage} provider "{name}"; write one of {", ".join(sorted(known))}, '
            'or "package.module:Class" for one of your own.'
        )
    try:
        provider = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f'The {stage} provider "{name}" cannot be imported: {error}.') from error
    try:
        return cast(object, provider(**settings.options))
    except TypeError as error:
        raise ConfigError(f'The {stage} provider "{name}" does not take these options: {error}.') from error


def _check(model: type[BaseModel], options: Options) -> BaseModel:
    try:
        return model.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"The provider option {where} is wrong: {first['msg']}.") from error
