"""`parley cost`: what calls will cost in a month."""

from __future__ import annotations

import json
from decimal import Decimal

import typer
from rich.console import Console
from rich.table import Table

from gateway.assistant.assistant import Assistant
from gateway.call.estimate import Habits, Line, PresetName, estimate, preset, shown, total
from gateway.call.prices import PriceBook
from gateway.call.services import services_of
from gateway.errors import ConfigError
from gateway.settings import Settings


def run(settings: Settings, name: str | None, minutes: int, habits: Habits, *, as_json: bool) -> None:
    """Print a line for each that is paid, and the sum.

    :param name: of an assistant; may be left out where there is one only
    :raises ConfigError: there is no such assistant
    """
    services = services_of(settings, _assistant(settings, name))
    lines = estimate(services, minutes, habits, PriceBook(settings.prices))
    _print([one for one in lines if one.low is not None or _is_used(one)], minutes, as_json=as_json)


def run_preset(name: PresetName, minutes: int | None, *, as_json: bool) -> None:
    """Print a reference case, at its own minutes or others."""
    chosen = preset(name)
    count = minutes or chosen.minutes
    _print(estimate(chosen.services, count, Habits(), PriceBook(chosen.prices)), count, as_json=as_json)


def _print(lines: list[Line], minutes: int, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(shown(lines, minutes), indent=1))
        return
    low, high = total(lines)
    table = Table("", "", "a month", "a minute", box=None, padding=(0, 2, 0, 0))
    for line in lines:
        service = line.service
        month, minute = _range(line.low, line.high, 2), _range(line.low, line.high, 4, minutes)
        table.add_row(service.component, f"{service.provider} {service.model}".strip(), month, minute)
    table.add_row("total", f"{minutes} minutes", _range(low, high, 2), _range(low, high, 4, minutes), style="bold")
    Console(highlight=False).print(table)


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
