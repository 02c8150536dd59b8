"""The command line of `parley doctor`."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from gateway.commands.settings_option import ConfigOption, read_settings, settings_file
from gateway.errors import ParleyError

_CANNOT_RUN = 2


def doctor(
    trunk: Annotated[str | None, typer.Option(metavar="NAME", help="Look at this trunk only.")] = None,
    call: Annotated[
        str | None, typer.Option(metavar="NUMBER|SIP-URI", help="Call an echo, and measure what comes back.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for one call, answer it, and tell all about it.")] = False,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, max=3600, help="How long --wait waits for the call.")
    ] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Find out what keeps calls from working, and what to change in Parley and at the PBX.

    Looks at this machine, at Parley's services, and at each trunk: its names, certificates, answers, NAT and
    registration. Works beside a gateway that runs, and without one. Exits 1 when a check failed, 2 when it could not
    run.

    Examples:

        parley doctor

        parley doctor --call 600 --trunk office

        parley doctor --wait
    """
    from gateway.commands import doctor as command
    from gateway.doctor.examination import Wanted

    settings = read_settings(config)
    # what the stack complains about is among the findings, in plain words
    logging.getLogger("gateway.sip").setLevel(logging.CRITICAL)
    wanted = Wanted(command.named(settings_file(config)), trunk, call, seconds if wait else 0.0)
    try:
        status = command.run(settings, wanted, as_json=as_json)
    except ParleyError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_CANNOT_RUN) from None
    raise typer.Exit(status)
