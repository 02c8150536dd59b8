"""`parley dial`, `say`, `hangup` and `calls --live`: control of the gateway that runs here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.table import Table

from gateway.call import endings
from gateway.call.progress import Stage
from gateway.control.client import ControlClient
from gateway.control.messages import CallStep, DialRequest, LiveCall, SayRequest
from gateway.errors import ConfigError, DialRefused
from gateway.settings import Settings

_NO_ANSWER = {
    endings.CUSTOMER_BUSY: "is busy",
    endings.CUSTOMER_DID_NOT_ANSWER: "did not answer",
    endings.MANUALLY_CANCELED: "was not called on: the call was hung up while it rang",
}


def dial(settings: Settings, request: DialRequest, *, wait: bool) -> None:
    """Place a call and print how it goes: until it is answered, or with `wait` until it has ended.

    :raises DialRefused: when it is not placed, or not answered
    """
    with ControlClient(settings.data_dir) as gateway:
        answered = False
        for step in gateway.dial(request):
            if step.stage is Stage.ENDED and not answered:
                raise DialRefused(
                    f"{request.destination} {not_answered(step)}; `parley calls show {step.call}` has more."
                )
            typer.echo(_line(step, request.destination))
            answered = answered or step.stage is Stage.ANSWERED
            if answered and not wait:
                return


def say(settings: Settings, call: str, request: SayRequest) -> None:
    """Let the agent of a live call say a text."""
    with ControlClient(settings.data_dir) as gateway:
        gateway.say(call, request)


def hang_up(settings: Settings, call: str) -> None:
    """End a live call."""
    with ControlClient(settings.data_dir) as gateway:
        gateway.hang_up(call)


def list_live(settings: Settings) -> None:
    """Print the live calls of the gateway, oldest first."""
    with ControlClient(settings.data_dir) as gateway:
        calls = gateway.live()
    if not calls:
        typer.echo("No call is live.")
        return
    table = Table("since", "id", "state", "direction", "caller", "called", "assistant", box=None)
    for column in table.columns:
        column.no_wrap, column.overflow = True, "fold"
    for call in sorted(calls, key=lambda call: call.started_at):
        table.add_row(*_row(call))
    Console(highlight=False, soft_wrap=True, width=1000).print(table)


def variables_of(pairs: Iterable[str]) -> dict[str, str]:
    """`name=value` pairs of the command line.

    :raises ConfigError: when one is no pair
    """
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"{pair!r} is no variable; write --variable name=value.")
        variables[name.strip()] = value
    return variables


def not_answered(step: CallStep) -> str:
    """Why a call was not answered, as it follows the name of who was called."""
    if step.reason in _NO_ANSWER:
        return _NO_ANSWER[step.reason]
    status = f" ({step.status})" if step.status else ""
    return f"could not be reached{status}: {step.reason}"


def _line(step: CallStep, destination: str) -> str:
    match step.stage:
        case Stage.STARTED:
            return f"{step.call}: calling {destination}"
        case Stage.ENDED:
            return f"ended: {step.reason}"
    return str(step.stage)


def _row(call: LiveCall) -> list[str]:
    seconds = max(0, round((datetime.now(UTC) - call.started_at).total_seconds()))
    since = f"{seconds // 60}:{seconds % 60:02}"
    return [since, call.id, call.state, call.direction, call.caller, call.called, call.assistant]
