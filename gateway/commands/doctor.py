"""`parley doctor`: prints what the examination finds, as it goes."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console

from gateway.doctor.examination import Begun, Examination, Wanted
from gateway.doctor.finding import Finding, Result, exit_status
from gateway.settings import Settings

_STYLES = {Result.OK: "green", Result.WARNING: "yellow", Result.FAILED: "bold red", Result.SKIPPED: "dim"}
_WIDTH = 8


def run(settings: Settings, wanted: Wanted, *, as_json: bool) -> int:
    """Examine, print, and return the exit status.

    :raises ParleyError: when it cannot be done as wanted
    """
    return asyncio.run(_run(settings, wanted, as_json=as_json))


async def _run(settings: Settings, wanted: Wanted, *, as_json: bool) -> int:
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    examination = Examination(settings, wanted, lambda address: _invite(console, settings, address))
    findings = []
    with console.status("") if console.is_terminal else nullcontext() as status:
        async for one in examination.run():
            if isinstance(one, Begun):
                if status is not None:
                    status.update(f"looking at {one.title} …")
            else:
                findings.append(one)
                if not as_json:
                    _print(console, one)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in findings], indent=2, ensure_ascii=False))
    else:
        console.print(_summary(findings), markup=False)
    return exit_status(findings)


def _print(console: Console, finding: Finding) -> None:
    word = f"{finding.result:<{_WIDTH}}"
    about = f" {finding.about}" if finding.about else ""
    console.print(word, style=_STYLES[finding.result], end=" ")
    console.print(f"{finding.check}{about}: {finding.found}", markup=False)
    if finding.remedy:
        console.print(f"{'':{_WIDTH}} -> {finding.remedy}", markup=False)


def _summary(findings: list[Finding]) -> str:
    counted = {result: sum(one.result is result for one in findings) for result in Result}
    return ", ".join(f"{count} {result}" for result, count in counted.items() if count)


def _invite(console: Console, settings: Settings, address: str) -> None:
    trunks = ", ".join(one.name for one in settings.trunks)
    way = f", or a number that the PBX sends to Parley ({trunks})" if trunks else ""
    console.print(f"Now call sip:test@{address}{way}, listen for three tones, and speak.", markup=False)


def named(file: Path | None) -> str:
    """The settings file, as it is told."""
    return str(file) if file else "defaults and environment"
