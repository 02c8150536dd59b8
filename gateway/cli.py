"""The `parley` command.

Each command imports what it needs when it runs, so that `parley --help` and `parley version` answer at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.call_cli import call
from gateway.commands.calls_cli import calls_app, replay
from gateway.commands.campaign_cli import campaign_app
from gateway.commands.chaos_cli import chaos
from gateway.commands.cost_cli import cost
from gateway.commands.dnc_cli import dnc_app
from gateway.commands.doctor_cli import doctor
from gateway.commands.drain_cli import drain
from gateway.commands.key_cli import key_app, organisation_app
from gateway.commands.live_cli import dial, hangup, say
from gateway.commands.provider.cli import provider_app
from gateway.commands.recording_cli import recording_app
from gateway.commands.route_cli import route_app
from gateway.commands.settings_option import ConfigOption, read_settings, settings_file
from gateway.commands.status_cli import status
from gateway.commands.tool_cli import tool_app
from gateway.commands.trunks_cli import trunks
from gateway.commands.workers_cli import workers_app
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
app.add_typer(calls_app, name="calls")
app.add_typer(provider_app, name="provider")
app.add_typer(tool_app, name="tool")
app.add_typer(route_app, name="route")
app.add_typer(recording_app, name="recording")
app.add_typer(campaign_app, name="campaign")
app.add_typer(workers_app, name="workers")
app.add_typer(dnc_app, name="dnc")
app.add_typer(key_app, name="key")
app.add_typer(organisation_app, name="organisation")


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

    composition.run(read_settings(config), config=settings_file(config))


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


for _command in (call, dial, say, hangup, replay, cost, trunks, status, drain, doctor, chaos):
    app.command()(_command)


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
