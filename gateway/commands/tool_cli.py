"""The command line of `parley tool`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from gateway.commands.settings_option import ConfigOption, read_settings

tool_app = typer.Typer(
    help="Tools: what a model may do besides speaking.", no_args_is_help=True, rich_markup_mode="markdown"
)


@tool_app.callback()
def _group() -> None:
    """A group, though it has one command."""


@tool_app.command("test")
def try_one(
    target: Annotated[
        str,
        typer.Argument(metavar="ID|FILE|ASSISTANT/TOOL", help="A stored tool, a file of one, or one of the settings."),
    ],
    args: Annotated[str, typer.Option(metavar="JSON", help="What the model gives.")] = "{}",
    variables: Annotated[str, typer.Option(metavar="JSON", help="Template variables of the call.")] = "{}",
    name: Annotated[str, typer.Option(metavar="TEXT", help="Which function, where a tool has several (mcp).")] = "",
    organisation: Annotated[
        str | None, typer.Option(metavar="NAME|ID", help="Whose. Default: the one that is there from the start.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Send what a live call would send, and show the answer and what the model would see. Ends with 1 when the tool
    failed.

    Examples:

        parley tool test demo/lookup_order --args '{"order_number": "1234"}'

        parley tool test order.json --args '{"id": 7}' --variables '{"customer": {"number": "+1555"}}'
    """
    from gateway.commands import tool_trial

    asked = tool_trial.Asked(target, _object("args", args), _object("variables", variables), name, organisation)
    if not tool_trial.run(read_settings(config), asked, as_json=as_json):
        raise typer.Exit(1)


def _object(option: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"is no JSON: {error}", param_hint=f"--{option}") from error
    if not isinstance(value, dict):
        raise typer.BadParameter('an object is expected, such as {"id": 7}', param_hint=f"--{option}")
    return value
