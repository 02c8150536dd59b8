"""The command line of `parley dnc`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.key_cli import OrganisationOption
from gateway.commands.settings_option import ConfigOption, read_settings

dnc_app = typer.Typer(
    help="The do-not-call list: numbers that neither campaigns nor the API call.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_Numbers = Annotated[
    list[str], typer.Argument(metavar="NUMBER...", help="With country code, in whatever writing; or a SIP URI.")
]


@dnc_app.command("add")
def add(
    numbers: _Numbers,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; shown in the list.")] = None,
    organisation: OrganisationOption = None,
    config: ConfigOption = None,
) -> None:
    """Call these numbers no more, from now on.

    Example:

        parley dnc add +15551234567 --reason "asked on the phone"
    """
    from gateway.commands import dnc

    dnc.add(read_settings(config), organisation, numbers, reason)


@dnc_app.command("remove")
def remove(numbers: _Numbers, organisation: OrganisationOption = None, config: ConfigOption = None) -> None:
    """Take numbers off the list: they may be called again. Exits 1 when one is not on it.

    Example:

        parley dnc remove +15551234567
    """
    from gateway.commands import dnc

    dnc.remove(read_settings(config), organisation, numbers)


@dnc_app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(metavar="COUNT", min=1, help="The newest this many.")] = 100,
    organisation: OrganisationOption = None,
    config: ConfigOption = None,
) -> None:
    """List the numbers, the newest first.

    Example:

        parley dnc list --limit 1000
    """
    from gateway.commands import dnc

    dnc.list_all(read_settings(config), organisation, limit)


@dnc_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, in UTF-8.")],
    organisation: OrganisationOption = None,
    config: ConfigOption = None,
) -> None:
    """Add the numbers of a CSV file: its column `number` or `phone`, else the first; a column `reason` is kept.

    Example:

        parley dnc import numbers.csv
    """
    from gateway.commands import dnc

    dnc.import_file(read_settings(config), organisation, file)
