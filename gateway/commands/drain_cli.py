"""The command line of `parley drain`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings


def drain(
    worker: Annotated[
        str | None,
        typer.Argument(metavar="[WORKER]", help="Name or address, as `parley status` shows it. Default: the gateway."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Let the gateway that runs here go down when its calls have ended, or one of its workers when others have them.

    Shows who is left until nobody is. Ctrl-C leaves that, and the drain goes on. A gateway that drains hangs up after
    `drain_seconds`; a local worker is replaced by a new process.

    Examples:

        parley drain

        parley drain worker-1

        parley drain 10.0.0.5:7000
    """
    from gateway.commands import drain as command

    settings = read_settings(config)
    try:
        if worker is None:
            command.drain_gateway(settings)
        else:
            command.drain_worker(settings, worker)
    except KeyboardInterrupt:
        typer.echo("The drain goes on; `parley status` shows how far it is.")
