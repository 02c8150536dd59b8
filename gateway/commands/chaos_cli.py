"""The command line of `parley chaos`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def chaos(
    plan: Annotated[Path | None, typer.Argument(metavar="[PLAN]", help="YAML file; else one is made.")] = None,
    seed: Annotated[int, typer.Option(help="Of a plan that is made.")] = 0,
    seconds: Annotated[float, typer.Option(min=10, max=86400, help="How long a plan that is made takes.")] = 30,
    calls: Annotated[int, typer.Option(min=1, max=50, help="At once, in a plan that is made.")] = 3,
    silence_ms: Annotated[
        float | None, typer.Option(metavar="MS", help="Also fail for a longer silence between words.")
    ] = None,
    gap_ms: Annotated[float | None, typer.Option(metavar="MS", help="Also fail for a longer gap in RTP.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep settings, logs and journals.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Run also where Parley is installed as a package.")] = False,
) -> None:
    """Kill, freeze, slow and cut off parts of a Parley of its own during calls, and tell what the callers heard.

    For development. It starts a gateway, workers and a control plane with settings and ports of their own, calls them,
    and hurts nothing else. Exits 1 when a call, a word, an effect of a tool or an event was lost or came twice.

    Examples:

        parley chaos

        parley chaos --seed 7 --seconds 120 --json
    """
    from gateway.chaos.outcome import Limits
    from gateway.commands import chaos as command

    limits = Limits(silence_ms, gap_ms)
    options = command.ChaosOptions(plan, seed, calls, seconds, as_json, keep, anyway, limits)
    raise typer.Exit(0 if command.run(options) else 1)
