"""`parley check`: what the settings mean, in a few lines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from gateway.errors import ConfigError, ModelError
from gateway.routing.coverage import without_effect
from gateway.routing.explanation import told_answer, told_conditions
from gateway.routing.settings import RouteSettings
from gateway.settings import Settings
from gateway.trunk.settings import TrunkSettings

_NO_ROUTE = "no route: every call is refused with 404"


def run(settings: Settings, *, file: Path | None) -> None:
    """Print what `settings`, read without a mistake from `file`, will do.

    Each assistant's providers are made as a worker makes them, so that a wrong option or dialogue shows here.

    :raises ConfigError: when a provider cannot be made
    """
    console = Console(highlight=False, soft_wrap=True)
    models_missing = _make_providers(settings)
    console.print(f"{file or 'Defaults and environment'}: no mistakes", markup=False)
    for line in _summary(settings):
        console.print(f"  {line}", markup=False)
    if models_missing:
        console.print(f"  {models_missing}", markup=False)


def _make_providers(settings: Settings) -> str:
    """Make every provider once; returns what is missing on this machine, which is no mistake of the settings."""
    from gateway.providers.registry import Providers
    from gateway.providers.turn.detectors import make_turn_detector

    providers = Providers.of(settings)

    missing = ""
    for name, assistant in settings.assistants.items():
        pipeline: tuple[tuple[str, Callable[[], object]], ...] = (
            ("transcriber", partial(providers.transcriber, assistant.transcriber)),
            ("model", partial(providers.model, assistant.model)),
        )
        makers: tuple[tuple[str, Callable[[], object]], ...] = (
            *((("model", partial(providers.stages, assistant)),) if assistant.model.speaks else pipeline),
            ("voice", partial(providers.voice, assistant.voice)),
            ("startSpeakingPlan", partial(make_turn_detector, assistant.start_speaking_plan)),
        )
        for part, make in makers:
            try:
                make()
            except ConfigError as error:
                raise ConfigError(f"assistants.{name}.{part}: {error}") from error
            except ModelError as error:
                missing = str(error)
    return missing


def _summary(settings: Settings) -> list[str]:
    sip, (first, last) = settings.sip, settings.rtp.ports
    where = f"{', '.join(sip.hosts)}:{sip.port} ({', '.join(sip.transports)})"
    lines = [
        f"SIP on {where}, RTP on {first}-{last}, {settings.capacity} calls",
        f"metrics on http://{settings.http.host}:{settings.http.port}/metrics",
        f"calls are kept in {settings.data_dir}",
        _api(settings),
    ]
    lines += [_trunk(trunk) for trunk in settings.trunks]
    lines += [_route(route) for route in settings.routes]
    for later, earlier in without_effect(settings.routes):
        lines.append(
            f"warning: routes[{later}] has no effect, routes[{earlier}] takes all its calls: put it before that one"
        )
    if not settings.routes:
        lines.append("no route: calls to numbers of the API are taken" if settings.api.enabled else _NO_ROUTE)
    return lines


def _api(settings: Settings) -> str:
    api = settings.api
    if not api.enabled:
        return "no REST API: api.enabled is false"
    if api.address:
        return f"control plane: the one at {api.address}"
    address = api.public_url or f"http://{api.host}:{api.port}"
    return f"REST at {address}, kept in {'store.url' if settings.store.url else 'SQLite in data_dir'}"


def _trunk(trunk: TrunkSettings) -> str:
    parts = [f"registers at {trunk.registrar} as {trunk.username}"] if trunk.registrar else []
    if called := [one.host for one in trunk.gateways if one.outbound]:
        parts.append(f"calls {', '.join(called)}")
    if trusted := [*(one.host for one in trunk.gateways if one.inbound), *trunk.allow]:
        parts.append(f"takes calls from {', '.join(trusted)}")
    return f"trunk {trunk.name}: {'; '.join(parts)}"


def _route(route: RouteSettings) -> str:
    return f"{told_conditions(route)}: {told_answer(route)}"
