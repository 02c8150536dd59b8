"""`parley calls` and `parley replay`: what became of calls, and what would become of them now."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings

calls_app = typer.Typer(invoke_without_command=True, rich_markup_mode="markdown")


@calls_app.callback()
def calls(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    live: Annotated[bool, typer.Option("--live", help="The calls that are going on now, from the gateway.")] = False,
    config: ConfigOption = None,
) -> None:
    """List recorded calls, newest first; with `--live` those that are going on.

    Examples:

        parley calls

        parley calls --live

        parley calls show 01J9Z3
    """
    if context.invoked_subcommand is None and live:
        from gateway.commands import dial

        dial.list_live(read_settings(config))
    elif context.invoked_subcommand is None:
        from gateway.commands import calls as command

        command.list_calls(read_settings(config), limit=limit)


@calls_app.command("show")
def show(
    call_id: Annotated[str, typer.Argument(metavar="ID", help="Call id, or its beginning when that is unique.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record as JSON, with the figures of its latency.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Show one call: who, how it ended, what was said when, why each pause was decided so, and where each turn's time
    went.

    Examples:

        parley calls show 01J9Z3

        parley calls show 01J9Z3 --json
    """
    from gateway.commands import calls as command

    command.show(read_settings(config), call_id, as_json=as_json)


@calls_app.command("ladder")
def ladder(
    call: Annotated[
        str, typer.Argument(metavar="CALL|FILE", help="Call id, its unique beginning, or a file of a capture.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show the SIP messages of a call, all its legs and repetitions, and the RTP that was captured.

    Examples:

        parley calls ladder 01J9Z3

        parley calls ladder 01J9Z3 --json
    """
    from gateway.commands import ladder as command

    command.show(read_settings(config), call, as_json=as_json)


def replay(
    call_id: Annotated[str, typer.Argument(metavar="CALL", help="Call id, its unique beginning, or a recording file.")],
    assistant: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="Decide with this assistant's settings in place of those of the call."),
    ] = "",
    timeline: Annotated[bool, typer.Option("--timeline", help="Show every event and decision of the call.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    fixture: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Write a test fixture: a name for tests/conversation/recordings, or a path anywhere."
        ),
    ] = "",
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Write the fixture without its words; decisions stay the same.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run a recorded call through the turn machine again, and show where it decides otherwise.

    What the caller, the providers and the line did is taken from the recording; what the machine decides (when a turn
    is over, what an interruption is, when to speak) is worked out anew, in virtual time, and compared. Exits 1 where it
    differs. `-` is what was decided then, `+` what is decided now.

    Examples:

        parley replay 01J9Z3

        parley replay 01J9Z3 --timeline

        parley replay 01J9Z3 --assistant patient.yaml

        parley replay 01J9Z3 --fixture cut-off-at-the-number --anonymous
    """
    from gateway.commands import replay as command

    options = command.ReplayOptions(assistant, timeline, as_json, fixture, anonymous)
    raise typer.Exit(command.run(read_settings(config), call_id, options))
