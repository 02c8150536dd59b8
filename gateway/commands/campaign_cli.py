"""The command line of `parley campaign`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.key_cli import OrganisationOption
from gateway.commands.settings_option import ConfigOption, read_settings

campaign_app = typer.Typer(
    help="Campaigns: many customers, called by one assistant.", no_args_is_help=True, rich_markup_mode="markdown"
)

_Campaign = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="Its id, the beginning of it, or its name.", show_default=False)
]


@campaign_app.command("list")
def list_all(organisation: OrganisationOption = None, config: ConfigOption = None) -> None:
    """List the campaigns, the newest first: how many customers wait, are talking and are done.

    Example:

        parley campaign list
    """
    from gateway.commands import campaigns

    campaigns.list_all(read_settings(config), organisation)


@campaign_app.command("show")
def show(
    campaign: _Campaign,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it has ended.")] = False,
    organisation: OrganisationOption = None,
    config: ConfigOption = None,
) -> None:
    """Show how far a campaign is, and what became of those who were called.

    Examples:

        parley campaign show 1e0a8c6f

        parley campaign show "Reminders for May" --follow
    """
    from gateway.commands import campaigns

    campaigns.show(read_settings(config), organisation, campaign, follow=follow)


@campaign_app.command("stop")
def stop(campaign: _Campaign, organisation: OrganisationOption = None, config: ConfigOption = None) -> None:
    """Call nobody else; calls that go on go on.

    Example:

        parley campaign stop 1e0a8c6f
    """
    from gateway.commands import campaigns

    campaigns.stop(read_settings(config), organisation, campaign)
