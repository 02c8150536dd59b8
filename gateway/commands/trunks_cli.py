"""The command line of `parley trunks`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings


def trunks(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show the trunks of the gateway that runs here: registration, when it is tried next and why it failed, and which
    gateways can be reached.

    Exits 1 when calls cannot go out by one of them: not registered, or no gateway answers.

    Examples:

        parley trunks

        parley trunks --json
    """
    from gateway.commands import trunks as command

    raise typer.Exit(0 if command.run(read_settings(config), as_json=as_json) else 1)
