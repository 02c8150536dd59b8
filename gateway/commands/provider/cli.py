"""The command line of `parley provider`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.provider.names import StageName
from gateway.commands.settings_option import ConfigOption, read_settings

provider_app = typer.Typer(
    help="Transcribers, models and voices: which there are, and how they do.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@provider_app.command("list")
def list_providers(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: stt, llm and tts with their names.")] = False,
    details: Annotated[bool, typer.Option(help="With --json: all that is known of each.")] = False,
    config: ConfigOption = None,
) -> None:
    """List the providers by stage, with the names that assistants use, and what each still needs here.

    Examples:

        parley provider list

        parley provider list --json

        parley provider list --json --details
    """
    from gateway.commands.provider import listing

    listing.run(read_settings(config), as_json=as_json or details, details=details)


@provider_app.command("test")
def try_provider(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A provider, such as anthropic or stt/deepgram.")],
    stage: Annotated[StageName | None, typer.Option(help="Which, where several stages have one of this name.")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Its model.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Another of its settings; repeat it.")
    ] = None,
    text: Annotated[str, typer.Option(metavar="TEXT", help="What it hears, is asked or says.")] = "",
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="For all of it.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Use a provider once, with your key, and print the time of each part, what was said or heard, and what it costs.

    It has the settings of the first assistant that uses it, and those that you name over them. Exits 1 when it fails, 2
    when a key, a package or a setting is missing.

    Examples:

        parley provider test deepgram --stage stt

        parley provider test openai --stage llm --model gpt-4.1-mini

        parley provider test 11labs --option voiceId=sarah --text "Good day!"
    """
    from gateway.commands.provider import testing
    from gateway.commands.provider.chosen import read_options, with_options
    from gateway.commands.provider.stages import choose

    settings = read_settings(config)
    options = read_options(option or []) | ({"model": model} if model else {})
    candidate = with_options(choose(name, stage), settings, options)
    testing.run(settings, candidate, text=text, seconds=timeout, as_json=as_json)


@provider_app.command("bench")
def bench_providers(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]…", help="Providers to compare. Default: the assistants', and those with a key."),
    ] = None,
    stage: Annotated[StageName | None, typer.Option(help="Only providers of this stage.")] = None,
    runs: Annotated[int, typer.Option(min=1, max=100, help="How often each text.")] = 3,
    recordings: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Sound files for transcribers, each with a .txt of the same name."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Compare providers on the same speech and questions: time to the first token or audio, time to the transcript,
    word errors, and cost per minute. It really uses them, and so costs something.

    Examples:

        parley provider bench

        parley provider bench stt/deepgram stt/embedded --runs 10

        parley provider bench --stage tts --json
    """
    from gateway.commands.provider import benching
    from gateway.commands.provider.chosen import with_options
    from gateway.commands.provider.stages import choose

    settings = read_settings(config)
    named = [with_options(choose(name, stage), settings, {}) for name in names or ()]
    if not named and stage is not None:
        named = [one for one in benching.configured(settings) if one.chosen.stage is stage]
    benching.run(settings, named, benching.Plan(runs, recordings), as_json=as_json)
