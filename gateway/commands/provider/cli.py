"""The command line of `parley provider`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings

provider_app = typer.Typer(
    help="Transcribers, models and voices: which there are, and how they do.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@provider_app.command("list")
def list_providers(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: stt, llm and tts with their providers.")] = False,
    config: ConfigOption = None,
) -> None:
    """List the providers by stage, with the names that assistants use, and what each still needs here.

    Examples:

        parley provider list

        parley provider list --json
    """
    from gateway.commands.provider import listing

    listing.run(read_settings(config), as_json=as_json)
