"""Which transcriber, model and voice an assistant of the API names, checked against those that Parley has."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.assistant.legacy import Body
from gateway.assistant.places import Place, dotted, existing, problem, remove
from gateway.assistant.unhonoured import why_unhonoured
from gateway.providers.catalogue import BY_STAGE, REALTIME, Entry
from gateway.providers.options import ProviderOptions
from gateway.providers.usage import Stage

_FALLBACKS: Mapping[Stage, str] = {"transcriber": "transcribers", "model": "models", "voice": "voices"}
_STAGES: tuple[Stage, ...] = ("transcriber", "model", "voice")
_SHARED: Mapping[Stage, frozenset[str]] = {
    "transcriber": frozenset({"provider", "fallbackPlan"}),
    "model": frozenset({"provider", "messages", "tools", "toolIds", "toolRefs", "fallbackModels", "fallbackPlan"}),
    "voice": frozenset({"provider", "cachingEnabled", "chunkPlan", "fallbackPlan"}),
}
"""What is no option of a provider's own."""
_VAPI_VOICES = ("speed", "cachingEnabled", "chunkPlan", "fallbackPlan")


class Choices:
    """Checks the three parts of an assistant.

    :param warn: told a place and a sentence
    :param problems: gets a sentence for each thing that cannot work
    """

    def __init__(self, warn: Callable[[Place, str], None], problems: list[str]) -> None:
        self._warn = warn
        self._problems = problems

    def check(self, body: Body) -> None:
        """Check all three; what has no effect is taken out of `body`."""
        self._replace_vapi(body)
        for stage in _STAGES:
            for place, settings in _chain(stage, body):
                self._check(stage, place, settings)

    def _replace_vapi(self, body: Body) -> None:
        """What is Vapi's own becomes Parley's own."""
        if _provider(body, "voice") == "vapi":
            voice = body["voice"]
            self._warn(("voice", "provider"), "Vapi's own voices are not here: Parley's embedded voice speaks")
            kept = {name: voice[name] for name in _VAPI_VOICES if name in voice}
            if isinstance(speed := kept.get("speed"), int | float):
                kept["speed"] = min(2.0, max(0.5, speed))
            body["voice"] = {"provider": "hibari", **kept}
        if _provider(body, "transcriber") == "vapi":
            self._warn(("transcriber", "provider"), "Vapi's own transcriber is not here: Parley's default one hears")
            del body["transcriber"]

    def _check(self, stage: Stage, place: Place, settings: Body) -> None:
        provider = settings.get("provider")
        entry = BY_STAGE[stage].get(provider) if isinstance(provider, str) else None
        if entry is None:
            names = ", ".join(BY_STAGE[stage])
            self._problems.append(f"{dotted((*place, 'provider'))} must be one of those that Parley has: {names}")
            return
        if provider == "dialogue" and "file" in settings:
            self._problems.append(
                f"{dotted((*place, 'file'))} must not name a file of this machine: write the dialogue"
            )
            return
        if stage == "model" and provider == "openai" and "realtime" in str(settings.get("model")):
            entry = REALTIME
        self._check_options(stage, place, settings, entry)

    def _check_options(self, stage: Stage, place: Place, settings: Body, entry: Entry) -> None:
        try:
            options: type[BaseModel] = importlib.import_module(entry.module).Options
        except ImportError:
            if not entry.extra:
                raise
            self._warn((*place, "provider"), f"it needs a package that is not installed: parley-gateway[{entry.extra}]")
            return
        for _ in range(2):
            own = {name: value for name, value in settings.items() if name not in _SHARED[stage]}
            try:
                made = options.model_validate({**entry.defaults, **own})
            except ValidationError as error:
                self._report(error, place, settings)
            else:
                self._report_unused(made, place)
                return

    def _report(self, error: ValidationError, place: Place, settings: Body) -> None:
        for details in error.errors(include_url=False):
            inner = existing(details["loc"], settings)
            if details["type"] != "extra_forbidden":
                sentence = problem(details, settings)
                if (text := f"{dotted(place)}.{sentence}") not in self._problems:
                    self._problems.append(text)
                continue
            remove(inner, settings)
            why = why_unhonoured(dotted((place[0], *inner)))
            message = f"{why}: the field is kept, and has no effect" if why else _no_option(settings)
            self._warn((*place, *inner), message)

    def _report_unused(self, made: BaseModel, place: Place) -> None:
        for name in made.unused if isinstance(made, ProviderOptions) else ():
            why = why_unhonoured(dotted((place[0], name))) or "Parley takes it over from Vapi"
            self._warn((*place, name), f"{why}: the field is kept, and has no effect")


def _no_option(settings: Body) -> str:
    return f'the provider "{settings["provider"]}" has no such setting: it is kept, and has no effect'


def _provider(body: Body, part: str) -> object:
    settings = body.get(part)
    return settings.get("provider") if isinstance(settings, dict) else None


def _chain(stage: Stage, body: Body) -> Iterator[tuple[Place, Body]]:
    """The settings of a part and of those that stand in for it, as far as they are objects."""
    settings: Any = body.get(stage)
    if not isinstance(settings, dict):
        return
    yield (stage,), settings
    plan = settings.get("fallbackPlan")
    others = plan.get(_FALLBACKS[stage]) if isinstance(plan, dict) else None
    for index, other in enumerate(others if isinstance(others, list) else ()):
        if isinstance(other, dict):
            yield (stage, "fallbackPlan", _FALLBACKS[stage], index), other
