"""`parley provider list`: the providers by stage, and what each still needs here."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module, metadata
from typing import Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from gateway.commands.provider.names import StageName
from gateway.commands.provider.stages import STAGES
from gateway.providers.catalogue import BY_STAGE, Entry
from gateway.providers.credentials import VARIABLES, Credentials
from gateway.settings import Settings

NOT_NEEDED = "not needed"
MISSING = "missing"
_REQUIREMENT = re.compile(r"""(?P<name>[\w.-]+).*;.*extra == ['"](?P<extra>[\w.-]+)['"]""")


@dataclass(frozen=True, slots=True)
class Listed:
    """A provider as it is here.

    :param provider: Vapi's name
    :param extra: what `pip install "parley-gateway[extra]"` brings for it, empty for nothing
    :param key: where its key was found ("settings", "systemd", a variable), "missing" or "not needed"
    :param variables: that may hold the key
    :param model: what is used when no model is named, None where it must be, or where there is no choice
    :param models: the only ones that it takes; empty where any name is passed on
    """

    provider: str
    extra: str
    installed: bool
    key: str
    variables: tuple[str, ...]
    embedded: bool
    model: str | None
    models: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """It can be used as things are."""
        return self.installed and self.key != MISSING


def run(settings: Settings, *, as_json: bool, details: bool = False) -> None:
    """Print the providers of all stages; as JSON their names, and with `details` all that is known of each."""
    credentials = Credentials(settings.credentials)
    by_stage = {stage: listed(stage, credentials) for stage in StageName}
    if as_json:
        shown = {
            str(stage): [asdict(one) if details else one.provider for one in providers]
            for stage, providers in by_stage.items()
        }
        typer.echo(json.dumps(shown, indent=1))
        return
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(_table(by_stage))


def listed(stage: StageName, credentials: Credentials) -> list[Listed]:
    """The providers of a stage, in the order of the catalogue."""
    return [_listed(name, entry, credentials) for name, entry in BY_STAGE[STAGES[stage]].items()]


def default_model(stage: StageName, provider: str) -> str:
    """What is used of a provider when no model is named; empty when that is not known."""
    entry = BY_STAGE[STAGES[stage]].get(provider)
    return (_models(entry, _options(entry))[0] or "") if entry else ""


def _listed(name: str, entry: Entry, credentials: Credentials) -> Listed:
    place = credentials.place(name)
    options = _options(entry)
    model, models = _models(entry, options)
    return Listed(
        provider=name,
        extra=entry.extra,
        installed=options is not None,
        key=place or (MISSING if entry.key else NOT_NEEDED),
        variables=VARIABLES.get(name, ()),
        embedded=entry.embedded,
        model=model,
        models=models,
    )


@cache
def _packages(extra: str) -> tuple[str, ...]:
    """The packages of an extra, by what this distribution says of itself."""
    found = filter(None, map(_REQUIREMENT.match, metadata.requires("parley-gateway") or ()))
    return tuple(match["name"] for match in found if match["extra"] == extra)


@cache
def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _options(entry: Entry) -> type[BaseModel] | None:
    """The provider's own settings; None where a package that it needs is missing, or is one that does not fit."""
    if entry.extra and not all(map(_is_installed, _packages(entry.extra))):
        return None
    try:
        options: type[BaseModel] = import_module(entry.module).Options
    except ImportError:
        return None
    return options


def _models(entry: Entry, options: type[BaseModel] | None) -> tuple[str | None, tuple[str, ...]]:
    """What the settings say of `model`: the default, and the only ones that are taken."""
    field = options.model_fields.get("model") if options else None
    if field is None:
        return None, ()
    default = entry.defaults.get("model", field.default)
    return default if isinstance(default, str) else None, _literals(field.annotation)


def _literals(annotation: Any) -> tuple[str, ...]:
    """The values of a Literal, also one inside of an optional; nothing where any text is taken."""
    if get_origin(annotation) is Literal:
        return tuple(str(value) for value in get_args(annotation))
    arguments = [one for one in get_args(annotation) if one is not type(None)]
    return () if str in arguments or len(arguments) != 1 else _literals(arguments[0])


def _table(by_stage: dict[StageName, list[Listed]]) -> Table:
    table = Table("stage", "provider", "key", "package", "model", box=None, padding=(0, 2, 0, 0))
    for column in table.columns[:4]:
        column.no_wrap = True
    for stage, providers in by_stage.items():
        for index, one in enumerate(providers):
            style = None if one.ready else "dim"
            first = str(stage) if index == 0 else ""
            table.add_row(first, one.provider, _key(one), _package(one), _model(one), style=style)
        table.add_section()
    return table


def _key(one: Listed) -> str:
    return f"missing: {one.variables[0]}" if one.key == MISSING and one.variables else one.key


def _package(one: Listed) -> str:
    if one.embedded and not one.extra:
        return "embedded"
    return "none" if not one.extra else f"{one.extra}{'' if one.installed else ' (missing)'}"


def _model(one: Listed) -> str:
    return one.model or ", ".join(one.models)
