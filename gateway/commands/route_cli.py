"""The command line of `parley route`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings

route_app = typer.Typer(
    help="Routes: which assistant answers a call.", no_args_is_help=True, rich_markup_mode="markdown"
)


@route_app.callback()
def _group() -> None:
    """A group, though it has one command."""


@route_app.command("test")
def try_one(
    number: Annotated[str, typer.Argument(metavar="NUMBER|SIP-URI", help="What is called.")],
    trunk: Annotated[str | None, typer.Option(metavar="NAME", help="The trunk that the call comes by.")] = None,
    caller: Annotated[str, typer.Option(metavar="NUMBER|SIP-URI", help="Who calls.")] = "",
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A header of the INVITE; repeat it.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When, such as 2026-11-23T18:00+01:00. Default: now.")
    ] = None,
    call_id: Annotated[str, typer.Option(metavar="TEXT", help="The Call-ID, which decides in a split.")] = "test",
    config: ConfigOption = None,
) -> None:
    """Say which route takes a call, why the others do not, and who answers.

    What no route takes is asked of the gateway that runs here, for numbers of the API. Nothing is called, nothing is
    kept. Exits 1 when nobody answers.

    Examples:

        parley route test +15551234567

        parley route test 600 --trunk office --header X-Tenant=bakery --at 2026-11-23T18:00+01:00
    """
    from gateway.commands import route as command

    asked = command.Asked(number, trunk, caller, tuple(header or ()), at, call_id)
    command.run(read_settings(config), asked)
