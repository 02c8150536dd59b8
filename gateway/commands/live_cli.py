"""`parley dial`, `say` and `hangup`: calls of the gateway that runs here."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings


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
    anyway: Annotated[bool, typer.Option("--anyway", help="Call also who is on a do-not-call list.")] = False,
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
        anyway=anyway,
    )
    command.dial(read_settings(config), request, wait=wait)


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
