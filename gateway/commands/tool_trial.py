"""`parley tool test`: what a live call would send to a tool, and what it would make of the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import typer
import yaml
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from gateway.assistant.section import Server
from gateway.assistant.tool import ToolBase
from gateway.assistant.tool_reading import read_tool
from gateway.egress import guarded_client
from gateway.errors import ConfigError
from gateway.plane.shelf import StoreShelf
from gateway.settings import Settings
from gateway.store.database import Database, store_url
from gateway.store.organisations import default_organisation, organisation
from gateway.store.secrets import Secrets
from gateway.tools.tool_reply import LONGEST_RESULT
from gateway.tools.trial import Sent, Trial, try_tool

_LONGEST_SHOWN = 4000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is tried. `trusted`: the operator wrote it, so its URLs may lead anywhere."""

    target: str
    arguments: Mapping[str, Any]
    variables: Mapping[str, Any]
    name: str
    organisation: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A tool, the server of its assistant, and the credentials that it may name."""

    tool: ToolBase
    server: Server | None
    credentials: Sequence[Mapping[str, Any]]
    trusted: bool
    warnings: Sequence[str]


def run(settings: Settings, asked: Asked, *, as_json: bool) -> bool:
    """Call the tool once and print how it went; tells whether it went well.

    :raises ConfigError: there is no such tool, or it cannot be called
    """
    found, trial = asyncio.run(_try(settings, asked))
    if as_json:
        shown = {**trial.shown, "warnings": list(found.warnings)}
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=1, default=str))
    else:
        _print(Console(highlight=False), found, trial)
    return trial.outcome.ok


async def _try(settings: Settings, asked: Asked) -> tuple[Found, Trial]:
    found = await _find(settings, asked)
    client = httpx.AsyncClient() if found.trusted else guarded_client(settings.egress.allow)
    async with client:
        trial = await try_tool(
            found.tool,
            asked.arguments,
            client=client,
            name=asked.name,
            variables=asked.variables,
            server=found.server,
            credentials=found.credentials,
        )
    return found, trial


# ---------------------------------------------------------------- the tool


async def _find(settings: Settings, asked: Asked) -> Found:
    path = Path(asked.target)
    if path.suffix in (".json", ".yaml", ".yml"):
        return _of_body(_read_file(path), None, (), trusted=True)
    assistant, slash, name = asked.target.partition("/")
    if slash:
        return _of_settings(settings, assistant, name)
    return await _of_store(settings, asked)


def _read_file(path: Path) -> Mapping[str, Any]:
    try:
        body = yaml.safe_load(path.read_text())  # YAML reads JSON, too
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is neither JSON nor YAML: {error}.") from error
    if not isinstance(body, Mapping):
        raise ConfigError(f"{path} holds no tool: an object with a type is expected.")
    return body


def _of_settings(settings: Settings, assistant: str, name: str) -> Found:
    own = settings.assistants.get(assistant)
    if own is None:
        raise ConfigError(f"There is no assistant {assistant!r} in the settings: {', '.join(settings.assistants)}.")
    for tool in own.model.tools:
        if name in (tool.type, tool.function.name if tool.function else None):
            return Found(tool, own.server, (), trusted=True, warnings=())
    raise ConfigError(f"The assistant {assistant} has no tool {name!r}.")


async def _of_store(settings: Settings, asked: Asked) -> Found:
    database = await Database.open(store_url(settings))
    try:
        async with database.transaction() as session:
            named = asked.organisation
            owner = await (default_organisation(session) if named is None else organisation(session, named))
            shelf = StoreShelf(session, owner.id, Secrets.of(settings))
            body, credentials = await shelf.tool(asked.target), await shelf.credentials()
    finally:
        await database.close()
    if body is None:
        raise ConfigError(
            f"The organisation {owner.name} has no tool {asked.target}; a file is named .json or .yaml, and a tool "
            "of the settings is written ASSISTANT/TOOL."
        )
    server = Server.read(owner.body.get("server") or {})
    return _of_body(body, server, credentials, trusted=False)


def _of_body(
    body: Mapping[str, Any], server: Server | None, credentials: Sequence[Mapping[str, Any]], *, trusted: bool
) -> Found:
    read = read_tool(body)
    if read.tool is None:
        raise ConfigError(f"Tools of the type {body.get('type')} are kept, and not called.")
    warnings = [f"{one.path}: {one.message}" for one in read.warnings]
    return Found(read.tool, server, credentials, trusted, warnings)


# ---------------------------------------------------------------- what is printed


def _print(console: Console, found: Found, trial: Trial) -> None:
    for warning in found.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    for number, sent in enumerate(trial.sent, start=1):
        again = f", attempt {number}" if len(trial.sent) > 1 else ""
        console.print(Panel(_request(sent), title=f"request{again}", title_align="left", border_style="cyan"))
        kept = trial.kept[-1] if trial.kept else {}
        text = str(kept.get("response", "")) if number == len(trial.sent) else ""
        console.print(Panel(_answer(sent, text), title=f"answer{again}", title_align="left", border_style="blue"))
    console.print(_outcome(trial))


def _request(sent: Sent) -> RenderableType:
    head = Text(f"{sent.method} {sent.url}\n", style="bold")
    return Group(head, Text(_headers(sent.headers)), _body(sent.body))


def _answer(sent: Sent, text: str) -> RenderableType:
    if not sent.status:
        return Text("no answer", style="red")
    style = "bold green" if sent.status < 300 else "bold red"
    head = Text(f"{sent.status}  {sent.ms} ms to its headers\n", style=style)
    return Group(head, Text(_headers(sent.answer_headers)), _body(text))


def _headers(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in headers.items())


def _body(text: str) -> RenderableType:
    try:
        pretty = json.dumps(json.loads(text, strict=False), ensure_ascii=False, indent=1)
    except ValueError:
        return Text(text[:_LONGEST_SHOWN])
    return Syntax(pretty[:_LONGEST_SHOWN], "json", word_wrap=True, background_color="default")


def _outcome(trial: Trial) -> Table:
    outcome = trial.outcome
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("tool", Text(trial.definition.name))
    table.add_row("went", Text("well", style="bold green") if outcome.ok else Text("wrong", style="bold red"))
    table.add_row("took", f"{trial.ms} ms")
    for kept in trial.kept:
        if "parse" in kept:
            table.add_row("read as", Text(str(kept["parse"])))
    for label, lines in (
        ("said", trial.said),
        ("would", trial.would),
        ("model sees", [outcome.result[:LONGEST_RESULT]]),
        ("hint", [outcome.hint]),
        ("says", [outcome.say]),
        ("call ends", [outcome.ended_reason]),
        ("variables", [f"{name} = {value}" for name, value in trial.variables.items()]),
    ):
        if text := "\n".join(line for line in lines if line):
            table.add_row(label, Text(text))
    return table
