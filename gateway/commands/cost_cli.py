"""`parley cost`: what calls will cost."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings


def cost(
    assistant: Annotated[
        str | None, typer.Argument(metavar="[ASSISTANT]", help="Whose calls. Default: the only assistant there is.")
    ] = None,
    minutes: Annotated[
        int | None, typer.Option(min=1, help="Minutes of calls in a month. Default: 1000, or the preset's.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="low|high", help="A reference case at market prices, not an assistant."),
    ] = None,
    prompt_tokens: Annotated[int, typer.Option(min=0, help="Tokens that a model reads in a minute.")] = 5000,
    cached_prompt_tokens: Annotated[int, typer.Option(min=0, help="How many of them it has in its cache.")] = 2500,
    completion_tokens: Annotated[int, typer.Option(min=0, help="Tokens that it writes in a minute.")] = 150,
    characters: Annotated[int, typer.Option(min=0, help="Characters that a voice says in a minute.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Estimate what an assistant's calls cost in a month: its providers, and line and platform where they have a price.

    List prices come with Parley; yours (`prices` in the settings) win over them, and may be ranges, tiers, or by the
    month.

    Examples:

        parley cost --minutes 1000

        parley cost reception --minutes 100000 --characters 800 --json

        parley cost --preset high
    """
    from gateway.call.estimate import Habits
    from gateway.commands import cost as command

    if preset is not None:
        if preset not in ("low", "high"):
            raise typer.BadParameter("there are the presets low and high", param_hint="--preset")
        command.run_preset("low" if preset == "low" else "high", minutes, as_json=as_json)
        return
    habits = Habits(prompt_tokens, cached_prompt_tokens, completion_tokens, characters)
    command.run(read_settings(config), assistant, minutes or 1000, habits, as_json=as_json)
