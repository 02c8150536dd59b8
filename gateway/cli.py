"""The `parley` command.

Each command imports what it needs when it runs, so that `parley --help` and `parley version` answer at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.campaign_cli import campaign_app
from gateway.commands.dnc_cli import dnc_app
from gateway.commands.doctor_cli import doctor
from gateway.commands.key_cli import key_app, organisation_app
from gateway.commands.provider.cli import provider_app
from gateway.commands.recording_cli import recording_app
from gateway.commands.route_cli import route_app
from gateway.commands.settings_option import ConfigOption, read_settings, settings_file
from gateway.commands.tool_cli import tool_app
from gateway.commands.trunks_cli import trunks
from gateway.errors import ConfigError, ParleyError

app = typer.Typer(
    name="parley",
    help="A self-hosted voice-AI telephony gateway: SIP in, conversation out.",
    epilog="Start with `parley check` and `parley serve`, then call the address that it prints.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
calls_app = typer.Typer(invoke_without_command=True, rich_markup_mode="markdown")
app.add_typer(calls_app, name="calls")
app.add_typer(provider_app, name="provider")
app.add_typer(tool_app, name="tool")
app.add_typer(route_app, name="route")
app.add_typer(recording_app, name="recording")
app.add_typer(campaign_app, name="campaign")
app.add_typer(dnc_app, name="dnc")
app.add_typer(key_app, name="key")
app.add_typer(organisation_app, name="organisation")
app.command()(trunks)
app.command()(doctor)


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Answer telephone calls: gateway, workers, metrics and the demo service on this machine.

    Prints `parley ready` with the SIP address to dial once calls are taken. SIGTERM lets calls finish
    (`drain_seconds`), a second one or Ctrl-C hangs up and ends.

    Examples:

        parley serve

        parley serve --config /etc/parley/parley.yaml

        PARLEY_SIP__PORT=15060 parley serve
    """
    from gateway import serve as composition

    raise typer.Exit(composition.run(read_settings(config), config=settings_file(config)))


@app.command()
def worker(
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where gateways attach. Default: worker.listen.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Run a conversation worker that gateways reach over gRPC.

    `parley serve` starts its own; run one by hand to put conversations on another machine, and name it in the
    gateway's `worker.addresses`. SIGTERM lets its calls finish.

    Example:

        parley worker --listen 0.0.0.0:7000
    """
    from gateway.commands import worker as command

    command.run(read_settings(config), listen=listen)


@app.command()
def api(config: ConfigOption = None) -> None:
    """Run the control plane: the REST API, and the gateways that attach to it.

    `parley serve` starts its own; run one by hand to have one for several gateways, and name its `api.link` in their
    `api.address`. Its first start prints a private key.

    Example:

        parley api --config /etc/parley/parley.yaml
    """
    from gateway.commands import api as command

    command.run(read_settings(config))


@app.command()
def check(
    config: Annotated[Path | None, typer.Argument(metavar="[CONFIG]", help="Settings file to check.")] = None,
) -> None:
    """Check the settings and say what they mean; each mistake is told with its line.

    Examples:

        parley check

        parley check /etc/parley/parley.yaml
    """
    from gateway.commands import check as command

    command.run(read_settings(config), file=settings_file(config))


@app.command()
def setup(
    native: Annotated[bool, typer.Option(help="Build pjsua2 with the media bridge and install it.")] = True,
    models: Annotated[bool, typer.Option(help="Fetch the embedded speech models.")] = True,
    smart_turn: Annotated[
        bool, typer.Option("--smart-turn", help="Fetch the smart-turn model too, which assistants may choose (12 MB).")
    ] = False,
) -> None:
    """Get this machine ready: build the SIP stack, fetch the embedded speech models.

    What is there already is left alone. `make run` does this for you.

    Examples:

        parley setup

        parley setup --no-native

        parley setup --no-native --smart-turn
    """
    from gateway.commands import setup as command

    command.run(native=native, models=models, smart_turn=smart_turn)


@app.command()
def call(
    uri: Annotated[str, typer.Argument(metavar="URI", help="Whom to call, such as sip:demo@127.0.0.1:5060.")],
    play: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Sound file to say; again for the next turn.")
    ] = None,
    say: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="Text to say by the embedded voice, after the files.")
    ] = None,
    record: Annotated[Path | None, typer.Option(metavar="FILE", help="WAV file of what the other side says.")] = None,
    record_stereo: Annotated[
        Path | None, typer.Option(metavar="FILE", help="WAV file of both: we left, the other side right.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Print what the other side said, as recognised.")] = False,
    digits: Annotated[str, typer.Option(metavar="DIGITS", help="Keys to press after answer.")] = "",
    limit: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Hang up after this long at the latest.")] = 60,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens in the call.")] = False,
) -> None:
    """Call a SIP address, say something, and record or print what comes back.

    Each `--play` and `--say` is one turn: it is said when the other side has finished speaking. After the last answer
    the call is hung up. Exits 1 when the call is not answered.

    Examples:

        parley call sip:demo@127.0.0.1:5060 --say "Where is my order 1234?" --text

        parley call sip:demo@127.0.0.1:5060 --play question.wav --record answer.wav
    """
    from gateway.commands import call as command
    from gateway.sip.softphone import SoftphoneCall
    from gateway.sip.softphone_script import ScriptRules

    softphone = SoftphoneCall(
        destination=uri,
        play=play or [],
        rules=ScriptRules(linger_ms=2000),
        record=record,
        record_stereo=record_stereo,
        limit_seconds=limit,
        digits=digits,
    )
    command.run(softphone, say=say or [], transcribe=text, verbose=verbose)


@app.command()
def dial(
    destination: Annotated[
        str, typer.Argument(metavar="NUMBER|SIP-URI", help="Whom to call: +15551234567, or sip:name@host.")
    ],
    assistant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who speaks. Default: the only assistant there is.")
    ] = None,
    trunk: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which trunk a number goes through. Default: the only one.")
    ] = None,
    caller: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Who calls, where the trunk lets us say it.")
    ] = None,
    variable: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable of the assistant's texts; repeat it.")
    ] = None,
    ring: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=1, max=600, help="Until nobody answers. Default: the trunk's, or 60."),
    ] = None,
    extension: Annotated[
        str, typer.Option(metavar="KEYS", help="Dialled when a switchboard has answered; a comma is half a second.")
    ] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the call has ended, and print why.")] = False,
    config: ConfigOption = None,
) -> None:
    """Let an assistant call somebody, through the gateway that runs here.

    Prints the call's id and how far it is, and returns once it is answered; the call goes on without this command.
    Exits 1 when nobody answers. Numbers go through a trunk; a SIP URI is called directly when `outbound.direct` names
    its host.

    Examples:

        parley dial +15551234567

        parley dial 200 --trunk office --assistant reminder --variable customer.name=Ann --wait

        parley dial sip:ann@192.0.2.7
    """
    from gateway.commands import dial as command
    from gateway.control.messages import DialRequest

    request = DialRequest(
        destination=destination,
        assistant=assistant,
        trunk=trunk,
        caller=caller,
        variables=command.variables_of(variable or []),
        ring_seconds=ring,
        extension=extension,
    )
    command.dial(read_settings(config), request, wait=wait)


@app.command()
def say(
    call: Annotated[str, typer.Argument(metavar="CALL", help="Id of a live call, or its beginning.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the agent says.")],
    end: Annotated[bool, typer.Option("--end", help="Hang up afterwards.")] = False,
    uninterruptible: Annotated[
        bool, typer.Option("--uninterruptible", help="The caller's speech does not interrupt it.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Let the agent of a live call say a text, as soon as neither side is speaking.

    Examples:

        parley say 3f2a "One moment, I am connecting you."

        parley say 3f2a "We are closing now. Goodbye!" --end
    """
    from gateway.commands import dial as command
    from gateway.control.messages import SayRequest

    request = SayRequest(text=text, end_call_after=end, interruptible=not uninterruptible)
    command.say(read_settings(config), call, request)


@app.command()
def hangup(
    call: Annotated[str, typer.Argument(metavar="CALL", help="Id of a live call, or its beginning.")],
    config: ConfigOption = None,
) -> None:
    """Hang up a live call; its record says `manually-canceled`.

    Example:

        parley hangup 3f2a
    """
    from gateway.commands import dial as command

    command.hang_up(read_settings(config), call)


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


@app.command()
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


@app.command()
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


@app.command()
def version() -> None:
    """Print the version."""
    from gateway import __version__

    typer.echo(f"parley {__version__}")


def main() -> None:
    """Run the command line; an error that the user can act on is told in plain words, without a traceback.

    Exits 2 for wrong settings or usage, 1 for any other `ParleyError`.
    """
    try:
        app()
    except ConfigError as error:
        _fail(error, 2)
    except ParleyError as error:
        _fail(error, 1)


def _fail(error: ParleyError, status: int) -> None:
    typer.echo(str(error), err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
