"""`parley estimate`: what calls of an assistant will cost in a month."""

from __future__ import annotations

import json
from decimal import Decimal

import typer
from rich.console import Console
from rich.table import Table

from gateway.assistant.assistant import Assistant
from gateway.assistant.provider_settings import ProviderSettings
from gateway.call.estimate import Habits, Line, Service, estimate, total
from gateway.call.prices import COMPONENTS, PriceBook
from gateway.commands.provider.listing import default_model
from gateway.commands.provider.names import StageName
from gateway.commands.provider.stages import STAGES
from gateway.errors import ConfigError
from gateway.providers.registry import Providers
from gateway.settings import Settings


def run(settings: Settings, name: str | None, minutes: int, habits: Habits, *, as_json: bool) -> None:
    """Print a line for each that is paid, and the sum.

    :param name: of an assistant; may be left out where there is one only
    :raises ConfigError: there is no such assistant
    """
    services = services_of(settings, _assistant(settings, name))
    prices = PriceBook(settings.prices)
    lines = [one for one in estimate(services, minutes, habits, prices) if one.low is not None or _is_used(one)]
    low, high = total(lines)
    if as_json:
        typer.echo(json.dumps(_json(lines, minutes), indent=1))
        return
    table = Table("", "", "a month", "a minute", box=None, padding=(0, 2, 0, 0))
    for line in lines:
        service = line.service
        month, minute = _range(line.low, line.high, 2), _range(line.low, line.high, 4, minutes)
        table.add_row(service.component, f"{service.provider} {service.model}".strip(), month, minute)
    table.add_row("total", f"{minutes} minutes", _range(low, high, 2), _range(low, high, 4, minutes), style="bold")
    Console(highlight=False).print(table)


def services_of(settings: Settings, assistant: Assistant) -> list[Service]:
    """All that is paid for a call of an assistant: its providers first in line, the line, and the platform."""
    heard = assistant.transcriber or Providers.of(settings).default_transcriber()
    named = [
        _service(StageName.STT, heard),
        _service(StageName.LLM, assistant.model),
        _service(StageName.TTS, assistant.voice),
    ]
    line = settings.trunks[0].name if settings.trunks else "direct"
    return [Service("platform", "parley"), *named, Service("telephony", line)]


def _service(stage: StageName, chosen: ProviderSettings) -> Service:
    model = str(chosen.options.get("model") or default_model(stage, chosen.provider))
    return Service(COMPONENTS[STAGES[stage]], chosen.provider, model if model != chosen.provider else "")


def _is_used(line: Line) -> bool:
    """Line and platform are nothing to tell of where they have no price."""
    return line.service.component not in ("platform", "telephony")


def _assistant(settings: Settings, name: str | None) -> Assistant:
    if name is None and len(settings.assistants) == 1:
        return next(iter(settings.assistants.values()))
    if name is None or name not in settings.assistants:
        raise ConfigError(f"Name one of the assistants: {', '.join(settings.assistants) or 'none is configured'}.")
    return settings.assistants[name]


def _range(low: Decimal | None, high: Decimal | None, digits: int, minutes: int = 1) -> str:
    if low is None or high is None:
        return "price not known"
    first, last = (f"${amount / minutes:.{digits}f}" for amount in (low, high))
    return first if low == high else f"{first} to {last}"


def _json(lines: list[Line], minutes: int) -> dict[str, object]:
    def pair(low: Decimal | None, high: Decimal | None) -> dict[str, float | None]:
        return {"low": None if low is None else float(low), "high": None if high is None else float(high)}

    low, high = total(lines)
    items = [
        {
            "component": line.service.component,
            "provider": line.service.provider,
            "model": line.service.model or None,
            **pair(line.low, line.high),
        }
        for line in lines
    ]
    minute = pair(low / minutes, high / minutes)
    return {"minutes": minutes, "lines": items, "total": pair(low, high), "per_minute": minute}
