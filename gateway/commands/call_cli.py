"""`parley call`: a call as a softphone makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
