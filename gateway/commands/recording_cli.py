"""`parley recording …`: pause a recording, let it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings

recording_app = typer.Typer(help="Pause recordings.", no_args_is_help=True)
CallArgument = Annotated[str, typer.Argument(metavar="CALL", help="Id of a live call, or its beginning.")]


@recording_app.command("pause")
def pause(call: CallArgument, config: ConfigOption = None) -> None:
    """Pause the recording of a live call: nothing of what is said and pressed is kept, or heard by the model.

    It goes on by itself after `recording.pause_seconds`.

    Example:

        parley recording pause 3f2a
    """
    _record(call, config, paused=True)


@recording_app.command("resume")
def resume(call: CallArgument, config: ConfigOption = None) -> None:
    """Let a paused recording go on.

    Example:

        parley recording resume 3f2a
    """
    _record(call, config, paused=False)


def _record(call: str, config: ConfigOption, *, paused: bool) -> None:
    from gateway.control.client import ControlClient

    with ControlClient(read_settings(config).data_dir) as client:
        client.record(call, paused=paused)
