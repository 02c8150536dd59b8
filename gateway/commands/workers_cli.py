"""The command line of `parley workers`."""

from __future__ import annotations

import typer

from gateway.commands.settings_option import ConfigOption, read_settings

workers_app = typer.Typer(no_args_is_help=True, help="The local workers of the gateway that runs here.")


@workers_app.callback()
def workers() -> None:
    """The local workers of the gateway that runs here."""


@workers_app.command()
def restart(config: ConfigOption = None) -> None:
    """Replace the local workers one after the other, without losing a call.

    Each new process is ready before the old one gives its calls over, between two turns, and ends. It runs the code and
    reads the settings file as they are now. Exits 1 when one could not be replaced; those after it go on as they are.
    Ctrl-C leaves the restart as it is: it goes on.

    Example:

        parley workers restart
    """
    from gateway.commands import drain as command

    raise typer.Exit(0 if command.restart_workers(read_settings(config)) else 1)
