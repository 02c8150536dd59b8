"""`parley calls ladder`: the SIP messages of a call as arrows between Parley and the others."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console

from gateway.call.calls import Calls
from gateway.errors import ParleyError
from gateway.recording.key import recording_key
from gateway.recording.ladder import Ladder, Message, Stream, ladder_of, shown
from gateway.recording.pcapng import read
from gateway.recording.sealed import SUFFIX, SealedContent
from gateway.settings import Settings

_LANE = 34
"""Characters from one line to the next."""
_TIME = 10


def show(settings: Settings, call: str, *, as_json: bool) -> None:
    """Print the ladder of a call.

    :param call: the id, its unique beginning, or a capture file
    :raises ParleyError: there is no capture of such a call here
    """
    ladder = ladder_of(read(_content(settings, call)))
    if as_json:
        typer.echo(json.dumps(shown(ladder), ensure_ascii=False, indent=1))
        return
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 1000)
    for line in lines(ladder):
        console.print(line, markup=False)


def lines(ladder: Ladder) -> Iterator[str]:
    """The ladder as text: Parley on the left, a line for each party."""
    yield " " * _TIME + "".join(name.ljust(_LANE) for name in ("Parley", *ladder.parties)).rstrip()
    for message in ladder.messages:
        lane = ladder.parties.index(message.party)
        bars = "".join("|".ljust(_LANE) for _ in ladder.parties[lane:])
        yield f"{message.at_ms / 1000:8.3f}  |{_arrow(message, (lane + 1) * _LANE - 1)}{bars}".rstrip()
    yield from map(_stream, ladder.streams)


def _arrow(message: Message, width: int) -> str:
    sdp = f" ({message.sdp})" if message.sdp else ""
    again = " again" if message.repeated else ""
    label = f" {message.label}{sdp}{again} "[: width - 4].center(width - 2, "-")
    return f"-{label}>" if message.sent else f"<{label}-"


def _stream(stream: Stream) -> str:
    way = "to" if stream.sent else "from"
    span = f"{stream.first_ms / 1000:.3f} to {stream.last_ms / 1000:.3f} s"
    return (
        f"RTP {way} {stream.party}, {stream.ssrc}, type {stream.payload_type}: {stream.packets} packets, "
        f"{stream.lost} lost, {span}"
    )


def _content(settings: Settings, call: str) -> bytes:
    calls, file = Calls(settings.data_dir), Path(call)
    paths = (file,) if file.is_file() else calls.capture_paths(calls.whole_id(call))
    for path in paths:
        if path.is_file() and path.name.endswith(SUFFIX):
            with SealedContent(path.open("rb"), recording_key(settings)) as sealed:
                return sealed.read()
        if path.is_file():
            return path.read_bytes()
    raise ParleyError(
        f"There is no capture of {call} in {calls.directory}; that of a call elsewhere is at its artifact.pcapUrl, "
        "and can be named here as a file."
    )
