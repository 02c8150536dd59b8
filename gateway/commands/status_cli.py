"""The command line of `parley status`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show the gateway that runs here and its workers: what they do, and how many calls they hold.

    Exits 1 when no calls are taken, or a worker is frozen or lost.

    Examples:

        parley status

        parley status --json
    """
    from gateway.commands import status as command

    raise typer.Exit(0 if command.run(read_settings(config), as_json=as_json) else 1)
