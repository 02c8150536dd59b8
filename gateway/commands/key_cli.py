"""The command line of `parley key` and `parley organisation`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings

key_app = typer.Typer(
    help="Keys of the API: who may use it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
organisation_app = typer.Typer(
    help="Organisations: what one keeps, no other sees.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

OrganisationOption = Annotated[
    str | None, typer.Option(metavar="NAME|ID", help="Whose. Default: the organisation that is there from the start.")
]


@key_app.command("create")
def create(
    name: Annotated[str, typer.Option(metavar="TEXT", help="What it is for; shown in lists.")] = "",
    public: Annotated[
        bool, typer.Option("--public", help="A key that may stand in web pages: it starts calls only.")
    ] = False,
    organisation: OrganisationOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an API key and print it: it is not kept, so it cannot be shown again.

    Examples:

        parley key create --name "order service"

        parley key create --public --organisation bakery
    """
    from gateway.commands import keys

    keys.create(read_settings(config), organisation, name=name, scope="public" if public else "private")


@key_app.command("list")
def list_all(organisation: OrganisationOption = None, config: ConfigOption = None) -> None:
    """List the keys by their beginnings: what for, since when, last used when.

    Examples:

        parley key list
    """
    from gateway.commands import keys

    keys.list_all(read_settings(config), organisation)


@key_app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or its beginning as `parley key list` shows it.")],
    organisation: OrganisationOption = None,
    config: ConfigOption = None,
) -> None:
    """Refuse a key from now on; a control plane that runs does so within seconds.

    Example:

        parley key revoke sk_Zx81k
    """
    from gateway.commands import keys

    keys.revoke_one(read_settings(config), organisation, key)


@organisation_app.command("create")
def create_organisation(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name; no other has it.")],
    config: ConfigOption = None,
) -> None:
    """Make an organisation with assistants, numbers, calls and keys of its own.

    Example:

        parley organisation create bakery
    """
    from gateway.commands import keys

    keys.create_an_organisation(read_settings(config), name)


@organisation_app.command("list")
def list_organisations(config: ConfigOption = None) -> None:
    """List the organisations.

    Example:

        parley organisation list
    """
    from gateway.commands import keys

    keys.list_all_organisations(read_settings(config))
