"""`parley recording …`: pause a recording, let it go on, decrypt one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings

recording_app = typer.Typer(help="Pause recordings; decrypt those that are sealed.", no_args_is_help=True)
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


@recording_app.command("decrypt")
def decrypt(
    call: Annotated[str, typer.Argument(metavar="CALL|FILE", help="Id of a call, its beginning, or a sealed file.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The WAV file to write.")],
    config: ConfigOption = None,
) -> None:
    """Write a sealed recording as a WAV file, with the key of the settings.

    Example:

        parley recording decrypt 3f2a --output call.wav
    """
    from gateway.call.calls import Calls
    from gateway.errors import ParleyError
    from gateway.recording.key import recording_key
    from gateway.recording.sealed import SealedSound

    settings = read_settings(config)
    calls, file = Calls(settings.data_dir), Path(call)
    path = file if file.is_file() else calls.sealed_path(calls.whole_id(call))
    try:
        with SealedSound(path.open("rb"), recording_key(settings)) as sound, output.open("wb") as out:
            shutil.copyfileobj(sound, out, 1 << 20)
    except OSError as error:
        raise ParleyError(f"{error.filename} cannot be used: {error.strerror}.") from error


def _record(call: str, config: ConfigOption, *, paused: bool) -> None:
    from gateway.control.client import ControlClient

    with ControlClient(read_settings(config).data_dir) as client:
        client.record(call, paused=paused)
