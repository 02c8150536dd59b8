"""`parley chaos`: what callers hear while parts of Parley are hurt."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

import gateway
from gateway.chaos.outcome import Limits, Outcome
from gateway.chaos.plan import Plan, generated, read_plan
from gateway.chaos.run import run as run_plan
from gateway.errors import SetupError
from gateway.observe import logging
from gateway.settings import LogSettings

_FOLDER = "parley-chaos-"


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """`file` is a plan, None for that of the seed."""

    file: Path | None = None
    seed: int = 0
    calls: int = 3
    seconds: float = 30
    as_json: bool = False
    keep: bool = False
    anyway: bool = False
    limits: Limits = field(default_factory=Limits)


def run(options: ChaosOptions) -> bool:
    """Carry a plan out and print what came of it; returns whether nothing was wrong.

    :raises ConfigError: the plan is not possible
    :raises SetupError: this is no development install, or Parley does not start
    """
    if not (options.anyway or development_install()):
        raise SetupError(
            "parley chaos is for development: this Parley was installed as a package. It would load this machine, "
            "though it only hurts processes of its own; --anyway has it run all the same."
        )
    logging.configure(LogSettings(level="warning"))
    plan = _plan(options)
    outcome = _carried_out(plan, options)
    if options.as_json:
        typer.echo(json.dumps(outcome.as_data(options.limits), indent=2))
    else:
        _print(outcome, options.limits)
    return not outcome.wrong(options.limits)


def _plan(options: ChaosOptions) -> Plan:
    if options.file is not None:
        return read_plan(options.file)
    return generated(options.seed, seconds=options.seconds, calls=options.calls)


def development_install() -> bool:
    """Whether the package is a checkout's."""
    return (Path(gateway.__file__).parents[1] / "pyproject.toml").is_file()


def _carried_out(plan: Plan, options: ChaosOptions) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    typer.echo(f"seed {plan.seed}, {plan.calls} calls at once, {len(plan.faults)} faults; files in {folder}", err=True)
    kept = True
    try:
        outcome = asyncio.run(run_plan(plan, folder, told=lambda line: typer.echo(line, err=True)))
        kept = options.keep or bool(outcome.wrong(options.limits))
        return outcome
    finally:
        if kept:
            typer.echo(f"settings, logs and journals are in {folder}", err=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _print(outcome: Outcome, limits: Limits) -> None:
    console = Console(highlight=False)
    table = Table("fault", "met", title="What was done, and what callers heard")
    for title in ("calls", "silence ms", "answer ms", "RTP gap ms"):
        table.add_column(title, justify="right")
    for one, heard in zip(outcome.happened, outcome.effects(), strict=True):
        figures = (heard.silence_ms, heard.answer_ms, heard.gap_ms)
        table.add_row(f"{one.fault.at:5.1f} s  {one.fault}", one.met, str(heard.calls), *map(_ms, figures))
    console.print(table)
    for line in told(outcome, limits):
        console.print(line, markup=False, soft_wrap=True)


def told(outcome: Outcome, limits: Limits) -> Iterator[str]:
    """Sums, and the verdict."""
    data = outcome.as_data(limits)
    words, effects, events = data["words"], data["effects"], data["events"]

    def longest(figure: str) -> float | None:
        return max((one[figure] for one in data["faults"] if one[figure] is not None), default=None)

    yield (
        f"calls     {data['calls']} taken, {data['refused']} refused, {data['dropped']} dropped, "
        f"{data['unanswered']} answers missing"
    )
    if data["misheard"]:
        yield f"          the words of {data['misheard']} are not judged: this machine held their callers up"
    yield (
        f"heard     {_ms(longest('silence_ms'))} ms of silence at most, {_ms(longest('gap_ms'))} ms without RTP, "
        f"answers after {_ms(data['answer_ms'])} ms usually, {_ms(longest('answer_ms'))} ms at most"
    )
    yield (
        f"words     {len(words['missing'])} missing, {len(words['repeated'])} repeated, "
        f"{words['others']} of comfort or apology"
    )
    for because, gaps in sorted(_moves(outcome).items()):
        yield f"moves     {len(gaps)} because of {because}, {max(gaps)} ms of silence at most, as journalled"
    yield f"effects   {effects['done']} done, {effects['repeated']} repeated, {effects['asked_again']} asked again"
    yield (
        f"events    {events['events']} journalled, {events['lost']} lost, {events['out_of_order']} out of order, "
        f"{events['ends_wrong']} calls without exactly one end"
    )
    yield from (f"wrong     {sentence}" for sentence in data["wrong"])
    verdict = "FAILED" if data["wrong"] else "PASSED: nothing was lost, and nothing came twice"
    yield f"seed {data['seed']} {verdict}"


def _moves(outcome: Outcome) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for move in outcome.moves:
        found.setdefault(move.because, []).append(move.gap_ms)
    return found


def _ms(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.0f}"
